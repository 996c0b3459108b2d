#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Three levels below the outer engine: dind in dind in dind, each on a loop image, builds and runs.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# The way down: words that go before a command to run it in the second and in the third level.
SECOND=(docker exec -i second)
THIRD=(docker exec -i second docker exec -i third)

@test "nested: dind in dind in dind builds and runs, and the stop of the first ends all in time" {
	server far bridge
	box_start first IMAGE
	box_ready first
	loop=$(box_loop_identity first)
	DOCKER_TIMEOUT=300
	export DOCKER_TIMEOUT
	docker save "$IMAGE" | box_in first docker load
	box first docker run -d --name second --privileged "$IMAGE"
	box first "${SECOND[@]}" dind-init ready --timeout 60
	box first sh -c 'docker save "$0" | docker exec -i second docker load' "$IMAGE"
	box first "${SECOND[@]}" docker run -d --name third --privileged "$IMAGE"
	box first "${THIRD[@]}" dind-init ready --timeout 60
	assert_eq overlay2 "$(box first "${SECOND[@]}" docker info -f '{{.Driver}}')" 'driver of the second level'
	assert_eq overlay2 "$(box first "${THIRD[@]}" docker info -f '{{.Driver}}')" 'driver of the third level'
	# Each level's image is a device of its own.
	for words in '' "${SECOND[*]}" "${THIRD[*]}"; do
		# shellcheck disable=SC2086
		box first $words awk '$2 == "/var/lib/docker" { print $1 }' /proc/mounts
	done >"$WORK/devices"
	assert_eq 3 "$(sort -u "$WORK/devices" | grep -c '^/dev/loop')" 'loop devices of three levels'
	loops_now | grep -E "^($(paste -sd'|' "$WORK/devices")) " >>"$WORK/loops"

	box_try first deepest "${THIRD[@]}"
	# Each level's own range; a large file comes through three bridges to the innermost container.
	for words in '' "${SECOND[*]}" "${THIRD[*]}"; do
		# shellcheck disable=SC2086
		box first $words docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge
	done >"$WORK/ranges"
	docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge >>"$WORK/ranges"
	cat "$WORK/ranges"
	assert_eq 4 "$(sort -u "$WORK/ranges" | grep -c '^[0-9.]*/[0-9]*$')" 'ranges of the outer engine and of three levels'
	address=$(docker inspect -f '{{.NetworkSettings.Networks.bridge.IPAddress}}' "$(box_name far)")
	box first "${THIRD[@]}" docker run --rm bb sh -c '
		set -e
		timeout 20 wget -qO /big "http://$0/big"
		[ "$(md5sum </big)" = "$(timeout 20 wget -qO- "http://$0/sum")" ]' "$address"

	box_stop first
	assert_eq 0 "$status" 'status of the first level'
	[ "$elapsed" -lt 10000 ]
	assert_loop_gone "$loop"
	assert_image_clean first
}
