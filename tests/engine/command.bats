#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# COMMAND beside the engine: its status, its streams, its environment, its children, its privileges.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	# One data root for all: what is measured here is not storage.
	export DATA
	DATA="$(volume data):/var/lib/docker"
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

@test "command: status 0, and the engine is ready when it starts" {
	box_run zero -v "$DATA" IMAGE -- docker info -f '{{.Driver}}'
	assert_eq 0 "$status" status
	assert_eq overlay2 "$out" stdout
}

@test "command: status 3 arrives; stdout is COMMAND's alone, our lines go to stderr" {
	box_run three -v "$DATA" IMAGE -- sh -c 'echo out-line; echo err-line >&2; exit 3'
	assert_eq 3 "$status" status
	assert_eq out-line "$out" stdout
	assert_match '^err-line$' "$err" stderr
	assert_match '^dind-init: ' "$err" stderr
	# The engine's own log has a file when there is a COMMAND.
	refute_match 'Daemon has completed initialization' "$err" stderr
}

@test "command: it inherits no blocked or ignored signal and no descriptor of ours, nor do inner containers" {
	box_args clean -i -v "$DATA" IMAGE -- sh -c '
		grep -E "^Sig(Blk|Ign)" /proc/self/status
		echo "descriptors $(ls /proc/self/fd | wc -l)"
		docker import - clean >/dev/null
		docker run --rm clean /bin/busybox grep -E "^Sig(Blk|Ign)" /proc/self/status'
	tar=$(busybox_tar)
	out=$(docker run --privileged "${ARGS[@]}" <"$tar" 2>/dev/null)
	assert_eq 4 "$(grep -cE '^Sig(Blk|Ign):.0000000000000000$' <<<"$out")" "empty signal sets in:"$'\n'"$out"
	# The fourth is that of `ls`.
	assert_match '^descriptors 4$' "$out" descriptors
}

@test "command: --engine-log says where the engine's lines go" {
	box_run file -v "$DATA" IMAGE -- grep -c 'Daemon has completed initialization' /var/log/dind-init/engine.log
	assert_eq 1 "$out" 'lines in the default file'
	box_run other -v "$DATA" IMAGE --engine-log file:/tmp/engine -- grep -c 'Daemon has completed initialization' /tmp/engine
	assert_eq 1 "$out" 'lines in the file that was asked for'
	box_run stderr -v "$DATA" IMAGE --engine-log stderr -- true
	assert_match 'Daemon has completed initialization' "$err" stderr
	box_run none -v "$DATA" IMAGE --engine-log none -- sh -c 'find /var/log -name "engine*"'
	assert_eq 0 "$status" status
	assert_eq '' "$out" 'log files'
	refute_match 'Daemon has completed initialization' "$err" stderr
}

@test "command: one that cannot be executed is 126, one that does not exist 127" {
	box_run noexec -v "$DATA" IMAGE -- /etc/passwd
	assert_eq 126 "$status" status
	assert_match '^dind-init: .*/etc/passwd' "$err" stderr
	box_run nofile -v "$DATA" IMAGE -- no-such-program --flag
	assert_eq 127 "$status" status
	assert_match '^dind-init: .*no-such-program' "$err" stderr
}

@test "command: docker stop ends it by TERM, 143 arrives" {
	box_start stopped -v "$DATA" IMAGE -- sh -c 'echo up; exec sleep 3600'
	until_true 30 'COMMAND runs' box_log_has stopped '^up$'
	box_stop stopped
	assert_eq 143 "$status" status
	[ "$elapsed" -lt 10000 ]
}

@test "command: its own status after TERM arrives" {
	box_start polite -v "$DATA" IMAGE -- sh -c 'trap "echo bye; exit 9" TERM; echo up; while :; do sleep 3600 & wait; done'
	until_true 30 'COMMAND runs' box_log_has polite '^up$'
	box_stop polite
	assert_eq 9 "$status" status
	assert_match '^bye$' "$(box_logs polite)" output
}

@test "command: other signals are passed on" {
	box_start usr1 -v "$DATA" IMAGE -- sh -c 'trap "echo got-usr1; exit 7" USR1; echo up; while :; do sleep 3600 & wait; done'
	until_true 30 'COMMAND runs' box_log_has usr1 '^up$'
	docker kill --signal USR1 "$(box_name usr1)"
	assert_eq 7 "$(box_wait usr1 30)" status
	assert_match '^got-usr1$' "$(box_logs usr1)" output
}

@test "command: it has standard input, DOCKER_HOST, and the working directory of the container" {
	box_args stdin -i -w /usr/share -v "$DATA" IMAGE -- sh -c 'cat; pwd; echo "host=$DOCKER_HOST"; docker -H "$DOCKER_HOST" version -f "{{.Server.Os}}"'
	status=0
	out=$(echo word | docker run --privileged "${ARGS[@]}" 2>/dev/null) || status=$?
	assert_eq 0 "$status" status
	assert_eq $'word\n/usr/share\nhost=unix:///var/run/docker.sock\nlinux' "$out" stdout
}

# Makes 1,000 orphans that end while nobody but their new parent can wait for them; prints who that was.
ORPHANS='
	for (1 .. 1000) {
		my $child = fork // die "fork: $!";
		if (!$child) {
			my $orphan = fork // die "fork: $!";
			if (!$orphan) { select undef, undef, undef, 0.5; exit 7 }
			exit 0;
		}
		waitpid $child, 0;
	}
	# [ppid, state] of every process of our name but us.
	sub others {
		my @found;
		for my $path (glob "/proc/[0-9]*/stat") {
			open my $file, "<", $path or next;
			my $line = <$file> // next;
			my ($pid, $name, $state, $ppid) = $line =~ /^(\d+) \((.*)\) (\S) (\d+)/ or next;
			push @found, [$ppid, $state] if $name eq "perl" && $pid != $$;
		}
		return @found;
	}
	my %parents = map { $_->[0] => 1 } others();
	my $tries = 0;
	my @left;
	while (@left = others()) {
		last if ++$tries > 100;
		select undef, undef, undef, 0.1;
	}
	my $zombies = grep { $_->[1] eq "Z" } @left;
	printf "parents=%s left=%d zombies=%d\n", join(",", sort keys %parents), scalar @left, $zombies;
'

@test "command: a thousand orphans leave no zombie" {
	box_run orphans -v "$DATA" IMAGE -- perl -we "$ORPHANS"
	assert_eq 0 "$status" status
	assert_eq 'parents=1 left=0 zombies=0' "$out" 'orphans'
}

@test "command: under docker run --init we are a subreaper; statuses and signals work" {
	docker info 2>/dev/null | grep -q 'Init Binary' || engine_skip 'the outer engine has no init'
	box_run init --init -v "$DATA" IMAGE -- sh -c 'echo "init=$(tr "\0" " " </proc/1/cmdline)"; echo "ppid=$PPID"; docker info -f "{{.Driver}}"; perl -we "$0"; exit 4' "$ORPHANS"
	assert_eq 4 "$status" status
	assert_match '^init=.*docker-init' "$out" 'who is PID 1'
	assert_match '^overlay2$' "$out" stdout
	ppid=$(sed -n 's/^ppid=//p' <<<"$out")
	[ "$ppid" -gt 1 ]
	assert_match "^parents=$ppid left=0 zombies=0\$" "$out" orphans

	box_start initstop --init -v "$DATA" IMAGE
	box_ready initstop
	box_import initstop
	box initstop docker run -d bb sleep 3600 >/dev/null
	box_stop initstop
	assert_eq 0 "$status" status
	[ "$elapsed" -lt 10000 ]
}

@test "command: in the pid namespace of another container nobody else is hurt" {
	box_start pod --entrypoint sleep IMAGE 3600
	box_run beside --pid "container:$(box_name pod)" -v "$DATA" IMAGE -- perl -we "$ORPHANS"
	assert_eq 0 "$status" status
	# Its processes are reaped by us, not by the PID 1 of the pod, which would not.
	assert_match '^parents=([2-9]|[1-9][0-9]+) left=0 zombies=0$' "$out" orphans
	box_start engine --pid "container:$(box_name pod)" -v "$DATA" IMAGE
	box_ready engine
	box_stop engine
	assert_eq 0 "$status" 'status of the engine'
	assert_eq running "$(box_state pod Status)" 'the other container'
	assert_eq '' "$(box_pids pod dockerd)$(box_pids pod containerd)" 'what is left of the engine'
}

@test "command: inner containers that it leaves behind do not keep its status from arriving" {
	box_args leaves -i -v "$DATA" IMAGE -- sh -c '
		docker import - leaves >/dev/null
		for i in 1 2 3; do docker run -d leaves /bin/busybox sleep 3600 >/dev/null || exit 99; done
		exit 3'
	tar=$(busybox_tar)
	status=0
	begin=$(now_ms)
	docker run --privileged "${ARGS[@]}" <"$tar" || status=$?
	assert_eq 3 "$status" status
	[ $(($(now_ms) - begin)) -lt 30000 ]
}

@test "command: --user has no capability at all and reaches the engine through the socket's group" {
	box_run user -v "$DATA" IMAGE --user nobody:docker --no-new-privs -- sh -c 'grep -E "^(Cap|NoNewPrivs)" /proc/self/status; id -un; id -gn; docker info -f "{{.Driver}}"'
	assert_eq 0 "$status" status
	assert_eq 5 "$(grep -cE '^Cap[A-Za-z]+:.0000000000000000$' <<<"$out")" 'empty capability sets'
	assert_match '^NoNewPrivs:\s1$' "$out"
	assert_eq $'nobody\ndocker\noverlay2' "$(grep -vE '^(Cap|NoNewPrivs)' <<<"$out")" stdout
	# One that does not name the group gets it besides its own, and no other; nothing else of the socket is open.
	box_run other -v "$DATA" IMAGE --user nobody -- sh -c 'grep -c "^NoNewPrivs:.0$" /proc/self/status; id -Gn; stat -c "%a %U" /var/run/docker.sock; docker version -f "{{.Server.Os}}"'
	assert_eq 0 "$status" status
	assert_eq $'1\nnogroup docker\n660 root\nlinux' "$out" stdout
	# Who is not in it, is not served.
	box_start socket -v "$DATA" IMAGE
	box_ready socket
	status=0
	err=$(docker exec --user nobody "$(box_name socket)" docker version 2>&1) || status=$?
	[ "$status" != 0 ] || fail 'nobody without the group is served'
	assert_match 'permission denied' "$err" 'docker exec --user nobody'
}

@test "command: as root it keeps what PID 1 has; --drop-caps takes it away" {
	# PID 1 has in effect only what it needs itself: what it may have is what COMMAND gets.
	box_run root -v "$DATA" IMAGE -- sh -c '(grep ^CapEff /proc/self/status; grep ^CapPrm /proc/1/status) | sed "s/.*://" | sort -u | grep -c .'
	assert_eq 0 "$status" status
	assert_eq 1 "$out" 'different sets'
	box_run drop -v "$DATA" IMAGE --drop-caps -- sh -c 'grep ^CapEff /proc/self/status; id -u'
	assert_eq 0 "$status" status
	assert_eq "$(printf 'CapEff:\t0000000000000000\n0')" "$out" stdout
}

@test "command: a program of a sub-command's name runs behind --" {
	box_run named -v "$DATA" IMAGE -- version
	assert_eq 127 "$status" 'status of the program "version", which is not there'
	box_run run -v "$DATA" IMAGE run sh -c 'exit 5'
	assert_eq 5 "$status" 'status'
}
