#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Where the data root goes: the ladder of rungs, on the file system of a real container.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	volume data >/dev/null
	box_start plain IMAGE
	box_start vol -v "$RUN-data:/var/lib/docker" IMAGE
	box_ready plain
	box_ready vol
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

@test "storage: no volume gives overlay2 on a loop image with direct I/O" {
	assert_eq overlay2 "$(box plain docker info -f '{{.Driver}}')" 'inner driver'
	loop=$(box_loop plain)
	[ -n "$(box_loop_identity plain)" ]
	block=/sys/block/${loop#/dev/}/loop
	assert_eq 1 "$(box plain cat "$block/dio")" "$loop: direct I/O"
	assert_eq 1 "$(box plain cat "$block/autoclear")" "$loop: autoclear"
	assert_match '/var/lib/dind-init/data\.img' "$(box plain cat "$block/backing_file")" "$loop: backing file"
	# Sparse: it promises at least 10 GiB and takes little.
	read -r blocks size < <(box plain stat -c '%b %s' /var/lib/dind-init/data.img)
	[ "$size" -ge $((10 << 30)) ] || fail "image of $size bytes"
	[ "$blocks" -lt $((1 << 20)) ] || fail "image takes $blocks blocks"
}

@test "storage: what was decided is in the log and in plan" {
	logs=$(box_logs plain)
	assert_eq '' "$(docker logs "$(box_name plain)" 2>/dev/null)" 'stdout of an engine in the foreground'
	assert_match '^dind-init: .*overlay2.*loop|^dind-init: .*loop.*overlay2' "$logs" 'log of the box'
	box_run planned IMAGE plan
	assert_eq 0 "$status" 'status of plan'
	assert_match 'loop' "$out" 'plan'
	assert_match '/var/lib/dind-init/data\.img' "$out" 'plan'
	# A plan is a dry run: it leaves neither a file nor a device behind.
	added=$(docker diff "$(box_name planned)" | grep '^A' || true)
	assert_eq '' "$added" 'files that plan added'
}

@test "storage: an inner engine on the loop image builds and runs" {
	box_try plain looped
}

@test "storage: boxes that start at the same time get a device each, also where /dev has no nodes" {
	for i in 1 2 3 4; do
		box_start "many$i" --entrypoint sh IMAGE -c 'rm -f /dev/loop*; exec dind-init' 3>&- &
	done
	wait
	for i in 1 2 3 4; do
		box_ready "many$i"
		assert_eq overlay2 "$(box "many$i" docker info -f '{{.Driver}}')" "driver of the ${i}th"
		box_loop "many$i"
	done >"$WORK/many"
	assert_eq 4 "$(sort -u "$WORK/many" | grep -c '^/dev/loop')" 'devices'
}

@test "storage: a stop detaches the loop device and leaves the file system clean" {
	loop=$(box_loop_identity plain)
	box_stop plain
	assert_eq 0 "$status" 'status of the engine in the foreground'
	assert_loop_gone "$loop"
	assert_unmounted plain
	assert_image_clean plain
}

@test "storage: a named volume carries overlay2 as it is, without a loop device" {
	assert_eq overlay2 "$(box vol docker info -f '{{.Driver}}')" 'inner driver'
	mounts=$(box vol cat /proc/mounts)
	assert_match ' /var/lib/docker ' "$mounts" mounts
	refute_match '^/dev/loop' "$mounts" mounts
	refute_match 'data\.img' "$(box vol sh -c 'cat /sys/block/loop*/loop/backing_file 2>/dev/null; find /var/lib/docker /var/lib/dind-init -name data.img 2>/dev/null; true')" 'loop images'
	box_run planned -v "$RUN-data:/var/lib/docker" IMAGE plan
	assert_eq 0 "$status" 'status of plan'
	assert_match 'overlay2' "$out" plan
	refute_match 'data\.img' "$out" plan
}

@test "storage: what is in a named volume outlives the container" {
	box_try vol kept
	box_stop vol
	assert_eq 0 "$status" 'status of the engine in the foreground'
	assert_unmounted vol "$RUN-data"
	box_run next -v "$RUN-data:/var/lib/docker" IMAGE -- docker run --rm kept
	assert_eq 0 "$status" status
	assert_eq built-kept "$out" 'what the image of the first container printed'
}

@test "storage: --storage-path on a volume is bound, in the container's own layer it holds the image" {
	cache=$(volume cache)
	box_start bound -v "$cache:/cache" IMAGE --storage-path /cache
	box_ready bound
	assert_eq overlay2 "$(box bound docker info -f '{{.Driver}}')" 'inner driver on a volume'
	refute_match '^/dev/loop' "$(box bound cat /proc/mounts)" mounts
	box_import bound
	box bound test -d /cache/overlay2
	box_stop bound
	assert_eq 0 "$status" status
	# Its content is the data root of the next one, wherever that mounts it.
	box_run next -v "$cache:/var/lib/docker" IMAGE -- docker images -q bb
	assert_eq 1 "$(grep -c . <<<"$out")" 'images left there'

	box_start held IMAGE --storage-path /cache --storage-size 12G
	box_ready held
	loop=$(box_loop_identity held)
	assert_eq $((12 << 30)) "$(box held stat -c %s /cache/data.img)" 'size of the image'
	assert_eq overlay2 "$(box held docker info -f '{{.Driver}}')" 'inner driver on an image'
	box_stop held
	assert_eq 0 "$status" status
	assert_loop_gone "$loop"
}

# said_loudly DRIVER: a warning that names it, says what it costs, and the flag that mends it; all in err.
said_loudly() { assert_match "^dind-init: warning: .*$1.*(slow|times).*-v NAME:/var/lib/docker" "$err" "the warning about $1"; }

@test "storage: --storage vfs is obeyed" {
	box_run vfs IMAGE --storage vfs -- docker info -f '{{.Driver}}'
	assert_eq 0 "$status" status
	assert_eq vfs "$out" 'inner driver'
	assert_match '^dind-init: .*storage: vfs' "$err" 'what is said of vfs'
	said_loudly vfs
}

@test "storage: --storage fuse is obeyed, and an engine on fuse-overlayfs builds and runs" {
	box_start fuse IMAGE --storage fuse
	if ! box_ready fuse; then
		docker run --rm --privileged --label "dind-run=$RUN" --entrypoint sh "$IMAGE" -c ': <>/dev/fuse' ||
			engine_skip 'this kernel has no FUSE'
		fail 'FUSE is there and the engine does not start'
	fi
	assert_eq fuse-overlayfs "$(box fuse docker info -f '{{.Driver}}')" 'inner driver'
	assert_match '^dind-init: .*storage: fuse' "$(box_logs fuse)" 'what is said of fuse-overlayfs'
	box_try fuse fused
}

@test "storage: an image that cannot be made gives way to the next rung, vfs, which is said loudly" {
	box_run nomkfs -v /bin/false:/sbin/mkfs.ext4:ro IMAGE --storage loop,vfs -- docker info -f '{{.Driver}}'
	assert_eq 0 "$status" status
	assert_eq vfs "$out" 'inner driver'
	assert_match 'mkfs' "$err" 'the culprit is named'
	said_loudly vfs
}

@test "storage: without loop devices the default ladder goes on, and says what that costs" {
	# Opens like the real one and knows none of its requests.
	box_run noloop -v /dev/null:/dev/loop-control IMAGE -- docker info -f '{{.Driver}}'
	assert_eq 0 "$status" status
	assert_match '^(fuse-overlayfs|vfs)$' "$out" 'inner driver'
	assert_match 'loop' "$err" 'the culprit is named'
	said_loudly "$out"
}

@test "storage: when no allowed rung can work, the refusal has a code and a remedy" {
	box_run none -v /dev/null:/dev/loop-control IMAGE --storage loop -- true
	assert_match '^(71|78)$' "$status" status
	assert_match 'DIND-STORAGE-[0-9]+' "$err" 'stable code'
	assert_match '(-v |--volume|--mount|--storage)' "$err" remedy
}
