#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Which rung and which driver an engine gets on each file system below it, and whether it then builds and runs. Each case
# that ends well or badly adds a row to the file DIND_STORAGE_ROWS (scripts/storage-table). File systems that this
# kernel lacks are in tests/vm/job/cases/7-backing.sh.

# lib.bash and backing.bash set status, out, err, rung, driver, why.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib
load backing

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	: >"$WORK/devices"
	: >"$WORK/fuse"
	backing_need xfsprogs btrfs-progs bindfs fuse2fs
}
setup() { engine_setup; }
teardown() {
	engine_teardown
	[ -n "$ENGINE_MISSING" ] || backing_fuse_end
	backing_release
}
teardown_file() {
	backing_release
	engine_teardown_file
}

# block_case TITLE NAME TYPE MKFS...: a volume of that type at the data root; the loop device is gone with the box.
block_case() {
	local title=$1 name=$2 type=$3
	shift 3
	backing_kernel_has "$type" || engine_skip "this kernel has no $type"
	backing_volume "$name" "$type" 4G '' "$@" >/dev/null
	backing_case "$title" "$name" -v "$RUN-$name:/var/lib/docker" IMAGE
	backing_is as-is overlay2
	box_stop "$name"
	assert_eq 0 "$status" 'status of the engine'
	docker rm -f -v "$(box_name "$name")" >/dev/null
	until_true 5 "the device of $name is free" loops_all_gone
}

# ---- file systems that overlay works on ----

@test "backing: ext4 is used as it is" {
	block_case 'ext4' ext4 ext4 mkfs.ext4 -q
}

@test "backing: XFS with file types is used as it is" {
	block_case 'XFS, ftype=1' xfs xfs mkfs.xfs -q
}

@test "backing: btrfs gets overlay2, and no subvolume is left in it" {
	block_case 'btrfs' btrfs btrfs mkfs.btrfs -q
	# What the outer side could not remove (pains 49).
	assert_eq 0 "$(btrfs_subvolumes "$WORK/btrfs.img")" 'subvolumes left'
}

# Since 4.18 rmdir(2) takes an empty subvolume away, so that what the driver leaves is no trap there: not for the outer
# engine's own way to remove a volume. It is said all the same, for older hosts.
@test "backing: the btrfs driver, asked for, is said to leave subvolumes, and the outer side can remove them" {
	backing_kernel_has btrfs || engine_skip 'this kernel has no btrfs'
	backing_volume subvolumes btrfs 4G '' mkfs.btrfs -q >/dev/null
	backing_case 'btrfs, `--storage-driver btrfs`' subvolumes -v "$RUN-subvolumes:/var/lib/docker" IMAGE --storage-driver btrfs
	backing_is as-is btrfs
	box_stop subvolumes
	assert_eq 0 "$status" 'status of the engine'
	logs=$(box_logs subvolumes)
	docker rm -f -v "$(box_name subvolumes)" >/dev/null
	until_true 5 'the device is free' loops_all_gone
	[ "$(btrfs_subvolumes "$WORK/subvolumes.img")" -gt 0 ] || fail 'the driver made no subvolumes'
	# The device is another one by now; a mount of the file by its name, as the outer side would have it.
	docker run --rm --privileged --label "dind-run=$RUN" -v "$WORK:/given" --entrypoint sh "$IMAGE" -c '
		mount -o loop /given/subvolumes.img /mnt && rm -rf /mnt/btrfs && umount /mnt'
	until_true 5 'the device is free again' loop_file_gone "$WORK/subvolumes.img"
	assert_eq 0 "$(btrfs_subvolumes "$WORK/subvolumes.img")" 'subvolumes that the outer side cannot remove'
	assert_match 'DIND-STORAGE-[0-9]+: .*btrfs subvolume delete' "$logs" 'what is said of them'
}
loop_file_gone() { [ -z "$(losetup --noheadings --list --associated "$1")" ]; }

# btrfs_subvolumes FILE: how many have a name in it (deleted ones are freed later); fails when that cannot be read.
btrfs_subvolumes() {
	local table
	table=$(btrfs inspect-internal dump-tree -t root "$1" 2>&1) || fail "$table" || return
	assert_match 'FS_TREE ROOT_ITEM' "$table" "tree of $1" || return
	grep -cE 'key \([0-9]+ ROOT_BACKREF ' <<<"$table" || true
}

@test "backing: a tmpfs mounted by the outer engine is used as it is" {
	backing_case 'tmpfs (`--mount type=tmpfs`)' tmpfs --mount type=tmpfs,dst=/var/lib/docker IMAGE
	backing_is as-is overlay2
}

# ---- the container's own layer ----

@test "backing: on overlay a loop image takes its place" {
	backing_case "overlay (no volume)" overlay IMAGE
	backing_is loop overlay2
	assert_match 'as-is: .*overlay.*EINVAL' "$why" 'why not as it is'
	box_loop_identity overlay >/dev/null
}

@test "backing: on overlay, --storage tmpfs keeps it in memory" {
	backing_case 'overlay, `--storage tmpfs`' memory IMAGE --storage tmpfs
	backing_is tmpfs overlay2
	assert_match ' /var/lib/docker tmpfs ' "$(box memory cat /proc/mounts)" mounts
}

@test "backing: on overlay, --storage fuse" {
	docker run --rm --privileged --label "dind-run=$RUN" --entrypoint sh "$IMAGE" -c ': <>/dev/fuse' ||
		engine_skip 'this kernel has no FUSE'
	backing_case 'overlay, `--storage fuse`' fuse IMAGE --storage fuse
	backing_is fuse fuse-overlayfs
}

@test "backing: on overlay, --storage vfs" {
	backing_case 'overlay, `--storage vfs`' vfs IMAGE --storage vfs
	backing_is vfs vfs
}

# ---- FUSE ----

@test "backing: on a FUSE file system overlay fails its trial, and a loop image takes its place" {
	mnt=$(backing_fuse bind bindfs -f /fuse/below)
	backing_case 'FUSE (bindfs)' onfuse -v "$mnt:/var/lib/docker" IMAGE
	backing_is loop overlay2
	assert_match 'as-is: .*fuse' "$why" 'why not as it is'
	docker rm -f -v "$(box_name onfuse)" >/dev/null
}

@test "backing: on a FUSE file system fuse-overlayfs works where its trial passes" {
	truncate -s 4G "$WORK/ext.img"
	mkfs.ext4 -q "$WORK/ext.img"
	mnt=$(BACKING_IMAGE=$WORK/ext.img backing_fuse ext fuse2fs -f -o rw,fakeroot /fuse/image)
	backing_case 'FUSE (fuse2fs), `--storage fuse`' fusefuse -v "$mnt:/var/lib/docker" IMAGE --storage fuse
	backing_is fuse fuse-overlayfs
	docker rm -f -v "$(box_name fusefuse)" >/dev/null
}

@test "backing: a FUSE file system as --storage-path holds the loop image" {
	mnt=$(backing_fuse path bindfs -f /fuse/below)
	backing_case 'FUSE (bindfs) as `--storage-path`' infuse -v "$mnt:/cache" IMAGE --storage-path /cache
	backing_is volume overlay2
	box infuse test -f /cache/data.img
	docker rm -f -v "$(box_name infuse)" >/dev/null
}

# ---- nothing to write to ----

@test "backing: a read-only file system gives way to a loop image" {
	backing_volume readonly ext4 1G ro mkfs.ext4 -q >/dev/null
	backing_case 'ext4, read-only' readonly -v "$RUN-readonly:/var/lib/docker:ro" IMAGE
	backing_is loop overlay2
	assert_match 'as-is: .*(EROFS|not writable)' "$why" 'why not as it is'
}

# An ext4 of 32 MiB without a free block.
full_volume() {
	backing_volume "$1" ext4 32M '' mkfs.ext4 -q -m 0 >/dev/null
	docker run --rm --label "dind-run=$RUN" -v "$RUN-$1:/full" --entrypoint sh "$IMAGE" -c '
		dd if=/dev/zero of=/full/ballast bs=64k 2>/dev/null; dd if=/dev/zero of=/full/ballast2 bs=1k 2>/dev/null; true'
}

# full_refused NAME [docker's options] IMAGE [arguments]: 71, how much is free, and what was there is all that is there.
full_refused() {
	local name=$1
	shift
	box_run "$name" "$@"
	row "ext4 of 32 MiB, full${TITLE:+, $TITLE}" "kernel $(uname -r | cut -d. -f1,2)" '-' '-' "refused, status $status" '-' \
		"$(sed -n 's/^dind-init: .*\(DIND-STORAGE-[0-9]*\): */\1: /p' <<<"$err" | head -n 1)"
	assert_eq 71 "$status" 'status without room'
	assert_match 'ENOSPC|no space left|only .* free|free' "$err" 'the culprit'
	assert_match '[0-9.]+ (B|bytes|KiB|MiB)' "$err" 'the numbers'
	left=$(docker run --rm --label "dind-run=$RUN" -v "$RUN-$name:/full" --entrypoint ls "$IMAGE" -A /full)
	backing_release
	assert_eq 'ballast ballast2 lost+found' "$(xargs <<<"$left")" 'what is there afterwards'
}

@test "backing: without room on the data root there is no half-made data root, and the numbers are said" {
	full_volume full
	TITLE='`--storage as-is`' full_refused full -v "$RUN-full:/var/lib/docker" IMAGE --storage as-is -- true
}

@test "backing: without room for an image there is no half-made image, and the numbers are said" {
	full_volume nofile
	TITLE='as `--storage-path`, `--storage loop`' full_refused nofile -v "$RUN-nofile:/cache" IMAGE \
		--storage-path /cache --storage loop -- true
}

# ---- drivers that cannot work are refused before the engine starts ----

# driver_refused NAME DRIVER REASON [docker's options] IMAGE [arguments]
driver_refused() {
	local name=$1 asked=$2 reason=$3
	shift 3
	box_run "$name" "$@" -- true
	assert_match '^(71|78)$' "$status" "status of a start with $asked"
	assert_match "DIND-STORAGE-[0-9]+.*$asked" "$err" 'code and driver'
	assert_match "$reason" "$err" 'the reason'
	refute_match 'level=(info|fatal|error)|dockerd.*exit' "$err" 'the engine was started for that'
}

@test "stacking: devicemapper is refused, with the reason" {
	driver_refused dm devicemapper "not namespaced|the host's" IMAGE --storage-driver devicemapper
}

@test "stacking: zfs without /dev/zfs and the tools is refused, with the reason" {
	driver_refused zfs zfs '/dev/zfs|zfs.*(tool|program|PATH)|needs zfs' IMAGE --storage-driver zfs
}

@test "stacking: btrfs on ext4 is refused, with the reason" {
	volume ext >/dev/null
	driver_refused btr btrfs 'needs btrfs.* is (ext|overlay|xfs|tmpfs)' -v "$RUN-ext:/var/lib/docker" IMAGE --storage-driver btrfs
}

@test "stacking: overlay2 on overlay, with no image allowed, is refused with the kernel's errno" {
	driver_refused ovl overlay2 'EINVAL' IMAGE --storage-driver overlay2 --storage as-is
}

@test "stacking: aufs is refused on overlay" {
	driver_refused aufs aufs 'overlay|aufs' IMAGE --storage-driver aufs --storage as-is
}

# ---- data that is there keeps its driver ----

@test "stacking: a data root that vfs wrote stays with vfs" {
	volume wasvfs >/dev/null
	box_start vfs1 -v "$RUN-wasvfs:/var/lib/docker" IMAGE --storage vfs
	box_ready vfs1
	box_import vfs1
	box_stop vfs1
	box_run vfs2 -v "$RUN-wasvfs:/var/lib/docker" IMAGE -- docker images -q bb
	assert_eq 0 "$status" status
	assert_eq 1 "$(grep -c . <<<"$out")" 'images that vfs holds'
	box_run vfs3 -v "$RUN-wasvfs:/var/lib/docker" IMAGE -- docker info -f '{{.Driver}}'
	assert_eq vfs "$out" 'driver'
}

@test "stacking: another driver than the one that wrote the data root is refused, with the way out" {
	volume wasovl >/dev/null
	box_run ovl1 -v "$RUN-wasovl:/var/lib/docker" IMAGE -- docker info -f '{{.Driver}}'
	assert_eq overlay2 "$out" 'first driver'
	box_start ovl2 -v "$RUN-wasovl:/var/lib/docker" IMAGE
	box_ready ovl2
	box_import ovl2
	box_stop ovl2
	driver_refused ovl3 vfs 'overlay2' -v "$RUN-wasovl:/var/lib/docker" IMAGE --storage-driver vfs
	assert_match '(--data-root|--storage-driver|-v )' "$err" 'the way out'
	box_run ovl4 -v "$RUN-wasovl:/var/lib/docker" IMAGE -- docker images -q bb
	assert_eq 1 "$(grep -c . <<<"$out")" 'images, as before'
}
