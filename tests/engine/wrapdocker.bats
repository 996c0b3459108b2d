#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `wrapdocker`: jpetazzo's wrapper, row by row: PORT, LOG, DOCKER_DAEMON_ARGS, a command or a login shell.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

wrap_run() { box_run "$1" --entrypoint wrapdocker "${@:2}"; }
shell_runs() { [ -n "$(box_pids terminal bash)" ]; }
wrap_start() { box_start "$1" --entrypoint wrapdocker "${@:2}"; }

@test "wrapdocker: a command runs beside an engine that answers, and its status is the status" {
	wrap_run command IMAGE sh -c 'docker info -f "{{.Driver}}"; echo "$# <$1> <$2>"; exit 9' x 'a  b' ''
	assert_eq 9 "$status" status
	assert_eq $'overlay2\n2 <a  b> <>' "$out"
	box_run_plain plain --entrypoint wrapdocker IMAGE true
	[ "$status" != 0 ]
	assert_match '--privileged' "$err"
}

@test "wrapdocker: no command, or an empty one, is a login shell" {
	for first in none empty; do
		given=()
		[ "$first" = none ] || given=('' ignored)
		box_args "shell-$first" -i --privileged --entrypoint wrapdocker IMAGE "${given[@]}"
		status=0
		out=$(docker run "${ARGS[@]}" <<<'shopt -q login_shell && echo login; docker info -f "{{.Driver}}"; exit 5' 2>/dev/null) || status=$?
		assert_eq 5 "$status" status
		assert_eq $'login\noverlay2' "$out"
	done
	wrap_start terminal -t IMAGE
	box_ready terminal
	until_true 10 'the shell runs' shell_runs
	assert_eq 'bash --login ' "$(box terminal sh -c 'tr "\0" " " <"/proc/$0/cmdline"' "$(box_pids terminal bash)")"
	docker rm -f -v "$(box_name terminal)" >/dev/null
}

@test "wrapdocker: PORT: the engine in the foreground on that port and the socket; no command, its own status" {
	wrap_start port -p 4444 -e PORT=4444 -e LOG=file -e 'DOCKER_DAEMON_ARGS=--label a=1  --host tcp://0.0.0.0:4445' -e DOCKER_TLS_CERTDIR=/certs \
		IMAGE touch /not-run
	box_ready port
	for address in tcp://127.0.0.1:4444 tcp://127.0.0.1:4445 unix:///var/run/docker.sock; do
		assert_eq '["a=1"]' "$(box port docker -H "$address" info -f '{{json .Labels}}')" "$address"
	done
	# From another container, as a link would have it; from the outside, by the port that -p gave.
	outside=$(docker port "$(box_name port)" 4444/tcp | sed -n '1s/.*://p')
	for address in "$(docker inspect -f '{{.NetworkSettings.IPAddress}}' "$(box_name port)"):4444" \
		"$(docker inspect -f '{{.NetworkSettings.Gateway}}' "$(box_name port)"):$outside"; do
		assert_match '^Server:' "$(docker run --rm --label "dind-run=$RUN" --entrypoint docker "$IMAGE" -H "tcp://$address" version)" "$address"
	done
	box port sh -c '! test -e /not-run && ! test -e /var/log/docker.log'
	box_log_has port 'API listen on'
	box_log_has port 'tcp://0.0.0.0:4444 is open without TLS'
	box_stop port
	assert_eq 0 "$status" 'after docker stop'
	wrap_start killed -e PORT=4444 IMAGE
	box_ready killed
	box killed sh -c 'kill -9 "$(pidof dockerd)"'
	assert_eq 137 "$(box_wait killed)" 'dockerd killed'
	wrap_run bad -e PORT=4444 -e DOCKER_DAEMON_ARGS=--log-level=nonsense IMAGE
	assert_eq 1 "$status" 'a fatal error of dockerd'
}

@test "wrapdocker: LOG=file is /var/log/docker.log, anything else the container's output" {
	wrap_run file -e LOG=file IMAGE cat /var/log/docker.log
	assert_eq 0 "$status" status
	assert_match 'Loading containers: done' "$out"
	refute_match 'Loading containers: done' "$err"
	for log in '' stdio; do
		wrap_run "log$log" -e "LOG=$log" IMAGE sh -c '! test -e /var/log/docker.log && echo only'
		assert_eq only "$out"
		assert_match 'Loading containers: done' "$err"
	done
}

@test "wrapdocker: DOCKER_DAEMON_ARGS is split at white space and reaches the engine" {
	wrap_run args -e 'DOCKER_DAEMON_ARGS=--label a=1   --label b=2 -H unix:///run/x.sock' IMAGE sh -c '
		docker info -f "{{range .Labels}}{{println .}}{{end}}" | grep . | sort; docker -H unix:///run/x.sock info -f "{{.Driver}}"; echo "<$DOCKER_DAEMON_ARGS>"'
	assert_eq 0 "$status" status
	assert_eq $'a=1\nb=2\noverlay2\n<--label a=1   --label b=2 -H unix:///run/x.sock>' "$out"
}

@test "wrapdocker: an engine that is not ready in time: the message, and the command all the same" {
	mkdir -p "$WORK/slow"
	printf '#!/bin/sh\nexec sleep 600\n' >"$WORK/slow/dockerd"
	chmod 0755 "$WORK/slow/dockerd"
	wrap_run late -v "$WORK/slow:/slow:ro" -e DIND_READY_TIMEOUT=2 -e PATH=/slow:/usr/sbin:/usr/bin:/sbin:/bin \
		IMAGE sh -c 'echo went-on; exit 6'
	assert_eq 6 "$status" status
	assert_eq went-on "$out"
	assert_match 'Timed out trying to connect to internal docker host\.$' "$err"
}

@test "wrapdocker: a pid file that was left behind, and descriptors above 2, are in nobody's way" {
	box_run left --entrypoint bash IMAGE -c 'echo 1 >/var/run/docker.pid; exec 7</etc/hostname 9>&1
		exec wrapdocker sh -c "docker info -f {{.Driver}}; ls /proc/\$\$/fd"'
	assert_eq 0 "$status" status
	assert_match '^overlay2$' "$out"
	refute_match '^(7|9)$' "$out" descriptors
}
