#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# SIGKILL of the container, and the same container again on the same data root.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

images_of() { box "$1" docker images --no-trunc --format '{{.Repository}} {{.ID}}' | sort; }

# ten_kills NAME: a box that is ready gets ten times a SIGKILL with containers running.
ten_kills() {
	local name=$1 images round loop
	box_try "$name" before
	box "$name" docker run -d --name worker -p 8080:80 bb sh -c 'while :; do date >/tmp/now; sleep 0.1; done' >/dev/null
	box "$name" docker run -d --name other --restart always bb sleep 3600 >/dev/null
	images=$(images_of "$name")
	for round in 1 2 3 4 5 6 7 8 9 10; do
		assert_eq true "$(box "$name" docker inspect -f '{{.State.Running}}' worker)" "worker, before kill $round"
		loop=$(box_loop_identity "$name" 2>/dev/null || true)
		box_kill "$name"
		[ -z "$loop" ] || assert_loop_gone "$loop"
		docker start "$(box_name "$name")" >/dev/null
		box_ready "$name" || fail "not ready after kill $round"
		assert_eq "$images" "$(images_of "$name")" "images after kill $round"
		box "$name" docker start worker >/dev/null
	done
	assert_eq true "$(box "$name" docker inspect -f '{{.State.Running}}' other)" 'the one with a restart policy'
	assert_eq built-before "$(box "$name" docker run --rm before)" 'the image that was built before'
}

@test "restart: ten kills on a volume, always ready" {
	box_start vol -v "$(volume data):/var/lib/docker" IMAGE
	box_ready vol
	ten_kills vol
}

@test "restart: ten kills on a loop image, always ready" {
	box_start loop IMAGE
	box_ready loop
	box_loop loop
	ten_kills loop
	box_loop loop
	loop=$(box_loop_identity loop)
	box_stop loop
	assert_eq 0 "$status" status
	assert_loop_gone "$loop"
	assert_image_clean loop
}

@test "restart: pid files that name a live process do not stop the engine; other files in /run stay" {
	box_create stale IMAGE
	mkdir -p "$WORK"/stale/run/docker/containerd "$WORK"/stale/run/containerd "$WORK"/stale/run/sshd
	for file in docker.pid docker/containerd/containerd.pid containerd/containerd.pid sshd.pid; do
		# PID 1 is always there.
		printf 1 >"$WORK/stale/run/$file"
	done
	tar -C "$WORK/stale" --owner=0 --group=0 -cf - run | docker cp -q - "$(box_name stale):/"
	docker start "$(box_name stale)"
	box_ready stale
	assert_eq linux "$(box stale docker version -f '{{.Server.Os}}')" 'the engine'
	assert_eq 1 "$(box stale cat /run/sshd.pid)" "somebody else's pid file"
	box stale test -d /run/sshd
	[ "$(box stale cat /run/docker.pid)" != 1 ]

	# And once more with what a SIGKILL leaves, spoiled by hand.
	box_kill stale
	tar -C "$WORK/stale" --owner=0 --group=0 -cf - run | docker cp -q - "$(box_name stale):/"
	docker start "$(box_name stale)"
	box_ready stale
	box_stop stale
	assert_eq 0 "$status" status
}

@test "restart: after docker restart it is ready again" {
	box_start again IMAGE
	box_ready again
	box_try again before
	docker restart "$(box_name again)"
	box_ready again
	assert_eq built-before "$(box again docker run --rm before)" 'the image that was built before'
}

@test "restart: a kill in the middle of the first start leaves nothing that stops the next one" {
	for delay in 0 0.03 0.06 0.1 0.15 0.25; do
		box_create "half$delay" IMAGE
		docker start "$(box_name "half$delay")" >/dev/null
		# Not a wait but the stimulus: the image is being made, formatted, mounted.
		sleep "$delay"
		box_kill "half$delay"
		docker start "$(box_name "half$delay")" >/dev/null
		box_ready "half$delay" || fail "not ready after a kill at $delay s"
		assert_eq overlay2 "$(box "half$delay" docker info -f '{{.Driver}}')" 'inner driver'
		docker rm -f -v "$(box_name "half$delay")" >/dev/null
	done
}
