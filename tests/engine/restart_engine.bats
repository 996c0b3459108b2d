#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --restart-engine: the death of the engine is a pause for its clients, a number of times.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# pid_of NAME COMM: exactly one process of that name.
pid_of() {
	local pids
	pids=$(box_pids "$1" "$2")
	assert_eq 1 "$(wc -w <<<"$pids")" "processes called $2" || return 1
	echo "$pids"
}

# killed_under_client NAME PID... : SIGKILL, and at once a client; prints what it was answered.
killed_under_client() { box "$1" sh -c 'kill -KILL "$@" && docker info -f "{{.Driver}}"' sh "${@:2}"; }

inner_state() { box "$1" docker inspect -f '{{.State.Status}}' "$2"; }
inner_runs() { [ "$(inner_state "$1" "$2")" = running ]; }

@test "restart-engine: who connects in the pause is answered; containers as after any start; COMMAND goes on; then 69" {
	box_start under IMAGE --restart-engine 2 --ready-file /run/is-ready -- sh -c '
		trap "echo command-got-term; exit 5" TERM
		unshare --pid --fork sleep 3600 & echo $! >/run/mine; echo up; while :; do sleep 3600 & wait $!; done'
	until_true 30 'COMMAND runs' box_log_has under '^up$'
	loop=$(box_loop_identity under)
	box_import under
	box under docker run -d --name once bb sleep 3600 >/dev/null
	box under docker run -d --name policy --restart always -p 8080:80 bb sleep 3600 >/dev/null

	assert_eq overlay2 "$(killed_under_client under "$(pid_of under dockerd)")" 'the answer after the pause'
	box_ready under
	assert_match '"state":"ready".*"restarts":1' "$(box under cat /run/dind/state.json)" 'state.json'
	box under test -e /run/is-ready
	logs=$(box_logs under)
	assert_match 'warning: DIND-ENGINE-95: dockerd was killed by SIGKILL, starting it again in 50 ms \(1 of 2\)' "$logs" output
	assert_match 'restart: killed 2 inner containers' "$logs" output
	assert_match 'ready again: there was no engine for [0-9]+ ms' "$logs" output
	# the mark of a start that is under way is gone, so the guard was set again and lifted
	box under sh -c '! test -e /var/lib/docker/.dind-starting && test -e /var/lib/docker/.dind-network.db'
	assert_eq exited "$(inner_state under once)" 'a container without a restart policy'
	until_true 15 'the container with a restart policy runs' inner_runs under policy
	box under docker start once >/dev/null
	assert_eq again "$(box under docker run --rm bb echo again)"
	box under sh -c 'kill -0 "$(cat /run/mine)"' # its init is no container of the engine's

	# Both at once: the next containerd comes with the next engine.
	assert_eq overlay2 "$(killed_under_client under "$(pid_of under dockerd)" "$(pid_of under containerd)")" 'the second answer'
	box_ready under
	assert_eq both "$(box under docker run --rm bb echo both)"
	box under sh -c 'kill -0 "$(cat /run/mine)"'
	refute_match 'command-got-term' "$(box_logs under)" output

	box under sh -c 'kill -KILL "$0"' "$(pid_of under dockerd)"
	assert_eq 69 "$(box_wait under 30)" status
	logs=$(box_logs under)
	assert_match '^command-got-term$' "$logs" output
	assert_match 'error: DIND-ENGINE-92: dockerd was killed by SIGKILL, after 2 restarts' "$logs" output
	assert_unmounted under
	assert_loop_gone "$loop"
}

@test "restart-engine: with live-restore inner containers do not even notice; in the foreground the end is 137" {
	box_start live -e DIND_RESTART_ENGINE=1 IMAGE dockerd --live-restore
	box_ready live
	box_import live
	box live docker run -d --name lives bb sleep 3600 >/dev/null
	before=$(box live docker inspect -f '{{.State.Pid}} {{.State.StartedAt}}' lives)
	assert_eq overlay2 "$(killed_under_client live "$(pid_of live dockerd)")" 'the answer after the pause'
	assert_eq "$before" "$(box live docker inspect -f '{{.State.Pid}} {{.State.StartedAt}}' lives)" 'the container'
	assert_eq still "$(box live docker exec lives echo still)" 'docker exec into it'
	box live sh -c 'kill -KILL "$0"' "$(pid_of live dockerd)"
	assert_eq 137 "$(box_wait live 30)" status
	assert_unmounted live
}

@test "restart-engine: a start that fails is tried again, with its containerd; a client of the first moment is served" {
	mkdir -p "$WORK/twice" "$WORK/sock"
	# The first time it takes its containerd along.
	printf '%s\n' '#!/bin/sh' 'case " $* " in *" --version "* | *" -v "*) exec /usr/sbin/dockerd "$@" ;; esac' \
		'cat /var/lib/docker/.dind-starting >>/marks' '[ ! -e /twice ] || exec /usr/sbin/dockerd "$@"' ': >/twice' \
		'for p in /proc/[0-9]*; do [ "$(cat "$p/comm")" != containerd ] || kill -KILL "${p#/proc/}"; done' 'exit 1' \
		>"$WORK/twice/dockerd"
	chmod 0755 "$WORK/twice/dockerd"
	first_client "$WORK/sock/docker.sock" >"$WORK/first" 2>&1 3>&- &
	client=$!
	box_create twice -v "$WORK/sock:/s" IMAGE --restart-engine 1 --host unix:///s/docker.sock --host unix:///var/run/docker.sock
	docker cp -q "$WORK/twice/dockerd" "$RUN-twice:/usr/local/sbin/dockerd"
	docker start "$RUN-twice" >/dev/null
	wait "$client" || true
	assert_match '^waited=yes refused=0 HTTP/1\.. 200' "$(<"$WORK/first")" 'the first client'
	box_ready twice
	assert_match 'DIND-ENGINE-95: dockerd ended with status 1 before it was ready, starting it again' "$(box_logs twice)" output
	# each start was marked as one that may be cut off
	assert_eq 2 "$(box twice cat /marks | wc -l)" 'starts with a mark'
	box_stop twice
	assert_eq 0 "$status" 'status of docker stop'
}
