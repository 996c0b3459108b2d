#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `docker run -it`: COMMAND has the terminal, the engine does not.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() {
	[ -z "${typist:-}" ] || kill "$typist" 2>/dev/null || true
	engine_teardown
}
teardown_file() { engine_teardown_file; }

# at_terminal NAME …: `docker run -it` at a terminal of its own, in the background; descriptor 9 types, $WORK/screen shows.
at_terminal() {
	box_args "$1" -it -e TERM=dumb --privileged "${@:2}"
	mkfifo "$WORK/keys-$1"
	: >"$WORK/screen"
	# The client itself: `timeout` in between would take it out of the terminal's foreground.
	# shellcheck disable=SC2086
	SHELL=/bin/bash script -q -e -f -c "exec $DOCKER_REAL $(printf '%q ' run "${ARGS[@]}")" /dev/null \
		<"$WORK/keys-$1" >"$WORK/screen" 2>&1 3>&- &
	typist=$!
	exec 9>"$WORK/keys-$1"
}

on_screen() { grep -qaE -e "$1" "$WORK/screen"; }

# at_end: waits for the client, sets status.
at_end() {
	until_true 30 'the client ends' client_is_gone
	status=0
	wait "$typist" || status=$?
	typist=''
	exec 9>&-
	cat "$WORK/screen"
}
client_is_gone() { ! kill -0 "$typist"; }

LISTENER='
	$| = 1;
	my ($count, $tries) = (0, 0);
	$SIG{INT} = sub { $count++ };
	open my $file, "<", "/proc/self/stat";
	my ($ppid, $group, $session, $tty, $foreground) = <$file> =~ /\) \S (\d+) (\d+) (\d+) (\d+) (-?\d+)/;
	printf "terminal=%s foreground=%s\n", -t STDIN ? "yes" : "no", $group == $foreground ? "yes" : "no";
	print "LISTENING\n";
	while (!$count && $tries++ < 300) { select undef, undef, undef, 0.1 }
	# Another that is on its way has the time of two requests to come.
	print "engine=", `docker info -f "{{.Driver}}"`;
	`docker version`;
	print "interrupts=$count\n";
	exit 5;
'

@test "terminal: COMMAND is in the foreground, control-C reaches it once and not the engine" {
	at_terminal tty IMAGE -- perl -we "$LISTENER"
	until_true 30 'COMMAND runs' on_screen '^LISTENING'
	# No process of the engine belongs to a terminal.
	for name in dockerd containerd; do
		assert_eq 0 "$(box tty awk '{ sub(/.*\) /, ""); print $5 }' "/proc/$(box_pids tty "$name" | head -n 1)/stat")" "terminal of $name"
	done
	printf '\003' >&9
	at_end
	assert_eq 5 "$status" status
	screen=$(tr -d '\r' <"$WORK/screen")
	assert_match '^terminal=yes foreground=yes$' "$screen" screen
	# The terminal shows the key itself.
	assert_match '^(\^C)?engine=overlay2$' "$screen" screen
	assert_match '^interrupts=1$' "$screen" screen
}

@test "terminal: an interactive shell has job control" {
	at_terminal shell IMAGE -- bash --norc -i
	# The prompt: its first line may come before the engine's.
	until_true 30 'the shell prompts' on_screen '[#$] $'
	printf 'sleep 1000\n' >&9
	until_true 10 'sleep runs' sleep_runs
	printf '\003' >&9
	printf 'echo "jobs-$((40 + 2)) last=$?"\nexit 6\n' >&9
	at_end
	assert_eq 6 "$status" status
	screen=$(tr -d '\r' <"$WORK/screen")
	refute_match 'no job control|cannot set terminal' "$screen" screen
	assert_match '^jobs-42 last=130$' "$screen" screen
}
sleep_runs() { [ -n "$(box_pids shell sleep)" ]; }

@test "terminal: control-C ends an engine in the foreground cleanly" {
	at_terminal engine IMAGE
	until_true 30 'the engine is there' box_ready engine
	loop=$(box_loop_identity engine)
	printf '\003' >&9
	at_end
	assert_eq 0 "$status" status
	assert_loop_gone "$loop"
	assert_image_clean engine
}
