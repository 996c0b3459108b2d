#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Listen first: who comes early waits and is served. `ready` says how far it is. Signals that come early are kept.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	export DATA
	DATA="$(volume data):/var/lib/docker"
	box_start main -v "$DATA" --health-interval 1s IMAGE
}
setup() { engine_setup; }
teardown() {
	# The slow engine of a case that failed cannot be stopped by TERM.
	engine_teardown
}
teardown_file() { engine_teardown_file; }

# slow_box NAME …: like box_start, but its dockerd stops itself (SIGSTOP) before it does anything.
slow_box() {
	mkdir -p "$WORK/slow"
	printf '%s\n' '#!/bin/sh' 'case " $* " in *" --version "* | *" -v "*) exec /usr/sbin/dockerd "$@" ;; esac' \
		'kill -STOP $$' 'exec /usr/sbin/dockerd "$@"' >"$WORK/slow/dockerd"
	chmod 0755 "$WORK/slow/dockerd"
	box_create "$@"
	docker cp -q "$WORK/slow/dockerd" "$RUN-$1:/usr/local/sbin/dockerd"
	docker start "$RUN-$1" >/dev/null
	until_true 30 'dockerd has stopped itself' slow_box_is_stopped "$1"
}

slow_box_is_stopped() {
	local pid
	pid=$(box_pids "$1" dockerd | head -n 1)
	[ -n "$pid" ] && [ "$(box "$1" sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status")" = T ]
}

# dockerd_signal NAME SIGNAL
dockerd_signal() {
	local pid
	pid=$(box_pids "$1" dockerd | head -n 1)
	box "$1" sh -c 'kill "-$0" "$1"' "$2" "${pid:?no dockerd in $1}"
}

@test "ready: a client that connects when the socket appears is served, not refused" {
	mkdir "$WORK/sock"
	first_client "$WORK/sock/docker.sock" >"$WORK/first" 2>&1 3>&- &
	client=$!
	box_start first -v "$WORK/sock:/s" -v "$DATA" IMAGE --data-root /var/lib/other --host unix:///s/docker.sock
	wait "$client" || true
	assert_match '^waited=yes refused=0 HTTP/1\.. 200' "$(<"$WORK/first")" 'the first client'
}

@test "ready: docker exec at once works at the first attempt" {
	box_start exec IMAGE
	out=$(box exec docker version -f '{{.Server.Os}}' 2>&1) || true
	assert_eq linux "$out" 'the first docker version'
}

@test "ready: with --no-wait COMMAND starts at once and its first request is served, over TCP too" {
	box_run nowait IMAGE --no-wait --host unix:///var/run/docker.sock --host tcp://127.0.0.1:2375 -- \
		sh -c 'docker -H tcp://127.0.0.1:2375 info -f "{{.OSType}}" & docker info -f "{{.OSType}}" && wait $!'
	assert_eq 0 "$status" status
	# Two clients share stdout: their newlines may come after both words.
	assert_eq linuxlinux "${out//$'\n'/}" stdout
	refute_match 'refused|cannot connect' "$err" stderr
}

@test "ready: IPv4, IPv6 and unix sockets, their group and mode; what lies in the place of one" {
	mkdir "$WORK/second.sock"
	box_create listen --sysctl net.ipv6.conf.all.disable_ipv6=0 IMAGE --socket-group 4242 --host unix:///var/run/docker.sock \
		--host unix:///run/second.sock --host 'tcp://[::1]:2375' --host tcp://127.0.0.1:2376
	docker cp -q "$WORK/second.sock" "$RUN-listen:/run/second.sock"
	docker start "$RUN-listen" >/dev/null
	box_ready listen
	box_log_has listen 'removed the empty directory /run/second.sock'
	for host in unix:///var/run/docker.sock unix:///run/second.sock 'tcp://[::1]:2375' tcp://127.0.0.1:2376; do
		assert_eq linux "$(box listen docker -H "$host" info -f '{{.OSType}}')" "$host"
	done
	assert_eq $'660 4242\n660 4242' "$(box listen stat -c '%a %g' /var/run/docker.sock /run/second.sock)" 'mode and group'
	# Left over: nobody answers there.
	box_kill listen
	docker start "$RUN-listen" >/dev/null
	box_ready listen
	box_log_has listen 'removed the stale socket /(var/)?run/docker.sock'
	# A mount cannot be taken away, and is named.
	box_run dir -v "$(volume dir):/var/run/docker.sock" IMAGE
	assert_eq 71 "$status" status
	assert_match 'DIND-LISTEN-[0-9]+: .*/var/run/docker.sock is a directory and cannot be removed' "$err"
}

@test "ready: dockerd's own -H is taken over, with --strict-args its argv is left alone" {
	box_start taken IMAGE dockerd -H unix:///var/run/docker.sock -H tcp://127.0.0.1:2375 --label team=ci
	out=$(box taken docker -H tcp://127.0.0.1:2375 info -f '{{.Labels}}' 2>&1) || true
	assert_eq '[team=ci]' "$out" 'the first docker info'
	refute_match 'tcp://' "$(box taken sh -c 'tr "\0" " " <"/proc/$0/cmdline"' "$(box_pids taken dockerd)")" 'argv of dockerd'
	box_start strict IMAGE --strict-args dockerd -H unix:///var/run/docker.sock --label team=ci
	box_ready strict
	assert_eq '/usr/sbin/dockerd -H unix:///var/run/docker.sock --label team=ci' \
		"$(box strict sh -c 'tr "\0" "\n" <"/proc/$0/cmdline" | paste -sd" "' "$(box_pids strict dockerd)")" 'argv of dockerd'
	box_stop strict
	assert_eq 0 "$status" status
}

@test "ready: 75 while the engine is starting, and a client that waits is served later" {
	slow_box slow IMAGE
	status=0
	box slow dind-init ready || status=$?
	assert_eq 75 "$status" 'ready while the engine starts'
	begin=$(now_ms)
	status=0
	box slow dind-init ready --timeout 2 || status=$?
	elapsed=$(($(now_ms) - begin))
	assert_eq 75 "$status" 'ready --timeout 2 while the engine starts'
	[ "$elapsed" -ge 1900 ] && [ "$elapsed" -lt 5000 ] || fail "ready --timeout 2 took $elapsed ms"

	box slow docker version -f '{{.Server.Os}}' >"$WORK/queued" 2>&1 3>&- &
	client=$!
	box slow dind-init ready --timeout 30 3>&- &
	waiter=$!
	# Both wait: neither is refused, neither guesses.
	until_true 10 'the client has connected' box slow sh -c 'for p in /proc/[0-9]*; do [ "$(cat "$p/comm")" != docker ] || exit 0; done; exit 1'
	kill -0 "$client"
	kill -0 "$waiter"
	dockerd_signal slow CONT
	wait "$waiter"
	wait "$client"
	assert_eq linux "$(<"$WORK/queued")" 'the queued client'
	box_ready slow 0
}

@test "ready: bounded when a running engine hangs" {
	box_start hung IMAGE
	box_ready hung
	dockerd_signal hung STOP
	begin=$(now_ms)
	status=0
	box hung dind-init ready --timeout 2 || status=$?
	elapsed=$(($(now_ms) - begin))
	assert_match '^(69|75)$' "$status" 'ready of an engine that hangs'
	[ "$elapsed" -lt 6000 ] || fail "ready --timeout 2 took $elapsed ms"
	dockerd_signal hung CONT
	box_ready hung 10
}

@test "ready: 69 when the engine is dead" {
	box_start dead -v "$DATA" IMAGE --data-root /var/lib/other -- sh -c 'trap "" TERM; echo up; while :; do sleep 3600; done'
	until_true 30 'COMMAND runs' box_log_has dead '^up$'
	box_ready dead
	# COMMAND has its time before it is killed: meanwhile there is somebody to ask.
	status=0
	pid=$(box_pids dead dockerd | head -n 1)
	box dead sh -c 'kill -KILL "$0"; dind-init ready --timeout 2' "$pid" || status=$?
	assert_eq 69 "$status" 'ready after the death of the engine'
	assert_eq 69 "$(box_wait dead 30)" 'status of the container'
}

@test "ready: --ready-timeout ends a start that hangs, with status 69 and the reason" {
	slow_box late IMAGE --ready-timeout 2
	assert_eq 69 "$(box_wait late 30)" status
	assert_match '^dind-init: error: .*ready' "$(box_logs late)" output
	assert_unmounted late
}

@test "ready: --ready-file is written when ready" {
	box_start file -v "$DATA" IMAGE --data-root /var/lib/other --ready-file /run/is-ready
	box_ready file
	box file test -e /run/is-ready
}

@test "ready: SIGHUP makes the engine reload" {
	box_ready main
	docker kill --signal HUP "$(box_name main)"
	until_true 10 'dockerd reloads' box_log_has main 'Got signal to reload configuration'
	box_ready main 10
}

@test "ready: SIGHUP before the engine is ready is held back, not lost" {
	slow_box held IMAGE
	docker kill --signal HUP "$(box_name held)"
	status=0
	box held dind-init ready || status=$?
	assert_eq 75 "$status" ready
	dockerd_signal held CONT
	box_ready held
	until_true 10 'dockerd reloads' box_log_has held 'Got signal to reload configuration'
	box_ready held 10
}

@test "ready: the image's HEALTHCHECK turns healthy" {
	until_true 30 'the box is healthy' box_is_healthy main
}
box_is_healthy() { [ "$(box_state "$1" Health.Status)" = healthy ]; }
