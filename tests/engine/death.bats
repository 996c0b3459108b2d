#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The death of the engine is never silent.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	export DATA
	DATA="$(volume data):/var/lib/docker"
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# kill_dockerd NAME
kill_dockerd() {
	local pids
	pids=$(box_pids "$1" dockerd)
	assert_eq 1 "$(wc -w <<<"$pids")" 'processes called dockerd'
	box "$1" sh -c 'kill -KILL "$0"' "$pids"
}

@test "death: SIGKILL of dockerd in the foreground ends the container with 137 and the reason" {
	: >"$WORK/termination"
	box_start fore -v "$DATA" -v "$WORK/termination:/dev/termination-log" IMAGE
	box_ready fore
	box_import fore
	box fore docker run -d bb sleep 3600 >/dev/null
	kill_dockerd fore
	assert_eq 137 "$(box_wait fore 20)" status
	logs=$(box_logs fore)
	assert_match '^dind-init: error: .*(SIGKILL|signal 9|killed)' "$logs" output
	assert_match '(SIGKILL|signal 9|killed)' "$(<"$WORK/termination")" 'termination log'
	assert_unmounted fore "$RUN-data"
}

@test "death: under a COMMAND the status is 69, COMMAND gets TERM, and the end of the engine's log is shown" {
	box_start under -v "$DATA" IMAGE -- sh -c 'trap "echo command-got-term; exit 5" TERM; echo up; while :; do sleep 3600 & wait; done'
	until_true 30 'COMMAND runs' box_log_has under '^up$'
	# Until now the engine's lines were in its file only.
	refute_match 'Daemon has completed initialization|API listen on' "$(box_logs under)" 'output before'
	kill_dockerd under
	assert_eq 69 "$(box_wait under 20)" status
	logs=$(box_logs under)
	assert_match '^command-got-term$' "$logs" output
	assert_match '^dind-init: error: .*(SIGKILL|signal 9|killed)' "$logs" output
	assert_match 'Daemon has completed initialization|API listen on' "$logs" "the engine's log"
}

@test "death: an engine that cannot start ends the container with its reason, under a COMMAND with 69" {
	# A flag that no dockerd has.
	box_run start -v "$DATA" IMAGE dockerd --no-such-flag
	assert_eq 1 "$status" "dockerd's own status"
	assert_match 'no-such-flag' "$err" stderr
	box_run under2 -v "$DATA" IMAGE --dockerd-args --no-such-flag -- sh -c 'echo COMMAND-RAN'
	assert_eq 69 "$status" status
	assert_match 'no-such-flag' "$err" "the engine's log"
	refute_match 'COMMAND-RAN' "$out" stdout
}
