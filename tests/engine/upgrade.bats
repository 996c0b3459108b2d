#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One data root, engines up and down: what the last one wrote is there, or the start is refused with the reason.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

OLD=bookworm
NEW=sid

# suite NAME: the image under test becomes that of another Debian suite.
suite() {
	IMAGE=${IMAGE%:*}:$1
	docker image inspect "$IMAGE" >/dev/null 2>&1 || engine_skip "no image $IMAGE: scripts/images --build-arg SUITE=$1 dind makes it"
}

both_suites() {
	suite "$NEW"
	suite "$OLD"
}

# use BOX SUITE VERSION-REGEX DRIVER [docker's options] IMAGE [arguments]: starts it and looks who answers.
use() {
	suite "$2"
	box_start "$1" "${@:5}"
	box_ready "$1"
	assert_match "$3" "$(box "$1" docker version -f '{{.Server.Version}}')" "version of the engine in $1"
	assert_eq "$4" "$(box "$1" docker info -f '{{.Driver}}')" "driver in $1"
}

# end BOX: in order, and away.
end() {
	box_stop "$1"
	assert_eq 0 "$status" "status of $1"
	docker rm -f -v "$(box_name "$1")" >/dev/null
}

# shows BOX TAG...: images that are there and run.
shows() {
	local tag
	for tag in "${@:2}"; do
		assert_eq "built-$tag" "$(box "$1" docker run --rm "$tag")" "what $tag printed in $1"
	done
}

# refused BOX SUITE [docker's options]: bad configuration, the reason, a way out; nothing is lost or left behind.
refused() {
	suite "$2"
	box_run "$1" "${@:3}" IMAGE -- docker images
	assert_eq 78 "$status" "status of $1"
	assert_match 'DIND-STORAGE-08.*containerd' "$err" 'the refusal'
	assert_match '20\.10' "$err" 'who cannot see them'
	assert_match 'engine from 29 on|-v NAME:/var/lib/docker' "$err" 'the way out'
	refute_match 'level=info' "$err" 'lines of an engine that should not have been started'
}

# up_and_down PLACE: 20.10, 28, 20.10 on one volume, mounted at PLACE.
up_and_down() {
	local data
	both_suites
	data=$(volume "$BATS_TEST_NUMBER")
	use first "$OLD" '^20\.10\.' overlay2 -v "$data:$1" IMAGE
	box_try first one
	end first
	use second "$NEW" '^2[89]\.' overlay2 -v "$data:$1" IMAGE
	shows second one
	box_try second two
	end second
	use third "$OLD" '^20\.10\.' overlay2 -v "$data:$1" IMAGE
	shows third one two
	[ "$1" = /var/lib/docker ] || box_loop_identity third
	end third
}

# containerds PLACE: images of containerd's store, for an engine that has none.
containerds() {
	local data
	both_suites
	data=$(volume "$BATS_TEST_NUMBER")
	use first "$NEW" '^2[89]\.' overlayfs -v "$data:$1" IMAGE --dockerd-args '--feature containerd-snapshotter=true'
	box_try first one
	end first
	refused second "$OLD" -v "$data:$1"
	# Nothing is said about the store: the one that is there goes on.
	use third "$NEW" '^2[89]\.' overlayfs -v "$data:$1" IMAGE
	shows third one
	end third
	# And against it is refused, by the engine that could.
	suite "$NEW"
	box_run fourth -v "$data:$1" IMAGE --dockerd-args '--feature containerd-snapshotter=false' -- docker images
	assert_eq 78 "$status" 'status with the feature off'
	assert_match 'DIND-STORAGE-08' "$err" 'the refusal'
}

@test "upgrade: 20.10, 28 and 20.10 again on one volume keep all images" { up_and_down /var/lib/docker; }

@test "upgrade: 20.10, 28 and 20.10 again on one image file keep all images" { up_and_down /var/lib/dind-init; }

@test "upgrade: a volume of containerd's store is refused by 20.10, and goes on with 28" { containerds /var/lib/docker; }

@test "upgrade: an image file of containerd's store is refused by 20.10, and goes on with 28" { containerds /var/lib/dind-init; }

@test "upgrade: a graph driver's volume is not given to containerd's store" {
	both_suites
	data=$(volume graph)
	use first "$OLD" '^20\.10\.' overlay2 -v "$data:/var/lib/docker" IMAGE
	box_try first one
	end first
	suite "$NEW"
	box_run second -v "$data:/var/lib/docker" IMAGE --dockerd-args '--feature containerd-snapshotter=true' -- docker images
	assert_eq 78 "$status" status
	assert_match 'DIND-STORAGE-08.*overlay2' "$err" 'the refusal'
	use third "$NEW" '^2[89]\.' overlay2 -v "$data:/var/lib/docker" IMAGE
	shows third one
}

@test "upgrade: a driver that would hide what is there is refused before the engine starts" {
	data=$(volume other)
	box_start first -v "$data:/var/lib/docker" IMAGE
	box_ready first
	box_try first one
	end first
	box_run second -v "$data:/var/lib/docker" IMAGE --storage-driver vfs -- docker images
	assert_eq 78 "$status" status
	assert_match 'DIND-STORAGE-08.*overlay2.*vfs' "$err" 'the refusal'
	assert_match 'leave --storage-driver out' "$err" 'the way out'
	refute_match 'level=info' "$err" 'lines of an engine that should not have been started'
}
