#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Other programs' names: `dind CMD` as moby's script, `docker-init` as the engine of the box mounts it.

# lib.bash sets status, out, err; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

@test "dind: the command runs in its place: same pid, arguments, directory, descriptors" {
	box_run exec --entrypoint bash -w /usr IMAGE -c '
		exec 7</etc/hostname
		exec dind bash -c '\''echo "pid $$"; echo "args $# $1 $2"; pwd; echo "container=$container"
			read -r line <&7 && echo "seven $line"; grep SigBlk /proc/self/status'\'' x "a  b" ""'
	assert_eq 0 "$status" status
	assert_match '^pid 1$' "$out"
	assert_match '^args 2 a  b $' "$out"
	assert_match '^/usr$' "$out"
	assert_match '^container=docker$' "$out"
	assert_match '^seven [0-9a-f]+$' "$out"
	assert_match '^SigBlk:.0000000000000000$' "$out"
}

@test "dind: /tmp is a tmpfs that allows exec and devices, / is shared, a second time changes nothing" {
	box_run twice --entrypoint bash IMAGE -c '
		dind true && findmnt -n -o FSTYPE,OPTIONS -T /tmp && cp /proc/self/mountinfo /tmp/before &&
		dind sh -c "diff /tmp/before /proc/self/mountinfo && echo same"
		findmnt -n -o PROPAGATION /; cp /bin/true /tmp/x && /tmp/x && mknod /tmp/null c 1 3 && : >/tmp/null && echo usable'
	assert_eq 0 "$status" status
	assert_match '^tmpfs' "$out"
	refute_match 'noexec|nodev' "$out"
	assert_match '^same$' "$out"
	assert_match 'shared' "$out"
	assert_match '^usable$' "$out"
}

@test "dind: a /tmp that somebody mounted stays" {
	box_run tmp -v "$(volume tmp):/tmp" --entrypoint dind IMAGE sh -c 'findmnt -n -o FSTYPE -T /tmp; echo kept >/tmp/file'
	assert_eq 0 "$status" status
	refute_match '^tmpfs' "$out"
}

@test "dind: works when it is not PID 1, and an engine under it too" {
	box_run init --init -v "$(volume data):/var/lib/docker" --entrypoint dind IMAGE bash -c '
		[ $$ != 1 ] || exit 1
		dockerd >/tmp/log 2>&1 & for i in $(seq 300); do docker info >/dev/null 2>&1 && break; sleep 0.1; done
		docker info -f "{{.Driver}}"; kill %1; wait %1'
	assert_eq 0 "$status" status
	assert_match '^overlay2$' "$out"
}

@test "dind: no command is status 64 and two lines; 0 where history is asked for; 127 and 126 as a shell has them" {
	box_run empty --entrypoint dind IMAGE
	assert_eq 64 "$status" status
	assert_eq 2 "$(grep -c . <<<"$err")" 'lines on stderr'
	assert_eq '' "$out" stdout
	box_run compat -e DIND_STRICT_COMPAT=1 --entrypoint dind IMAGE
	assert_eq 0 "$status" status
	box_run missing --entrypoint dind IMAGE /nonexistent
	assert_eq 127 "$status" status
	box_run directory --entrypoint dind IMAGE /etc
	assert_eq 126 "$status" status
}

@test "dind: without privileges it says what it could not do, and which flag gives it" {
	box_run_plain plain --entrypoint dind IMAGE true
	assert_eq 71 "$status" status
	assert_match '--privileged' "$err"
}

@test "docker-init: the inner engine knows it, and it is PID 1 of docker run --init in an image without any libc" {
	box_start inner -v "$(volume inner):/var/lib/docker" IMAGE
	box_ready inner
	box_import inner
	assert_match 'dind-init' "$(box inner docker info -f '{{.InitCommit.ID}}{{.InitBinary}}')"
	assert_eq docker-init "$(box inner docker run --rm --init bb cat /proc/1/comm)" 'PID 1'
	st=0
	box inner docker run --rm --init bb sh -c 'exit 9' || st=$?
	assert_eq 9 "$st" status
	# TERM, which a shell as PID 1 would not even notice
	box inner docker run -d --name sleeper --init bb sleep 600 >/dev/null
	begin=$(now_ms)
	box inner docker stop sleeper >/dev/null
	[ $(($(now_ms) - begin)) -lt 5000 ] || fail "docker stop took $(($(now_ms) - begin)) ms"
	assert_eq 143 "$(box inner docker inspect -f '{{.State.ExitCode}}' sleeper)" 'status after TERM'
}
