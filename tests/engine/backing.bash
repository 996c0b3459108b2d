# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For backing.bats: file systems below a nested engine's data root, and what an engine made of each, in rows.
#
# Block file systems are loop images that the outer engine mounts and unmounts as volumes; FUSE ones are served by a
# container of their own and reach the others by mount propagation. Needs lib.bash.

# ---- making them ----------------------------------------------------------------------------------------------------

# The tools that Debian has in packages; root installs them.
backing_need() {
	# shellcheck disable=SC2016
	bash -c 'set -euo pipefail; . "$TOP/scripts/lib.sh"; apt_need "$@"' - "$@" || engine_skip "no package $*"
}

# backing_volume NAME TYPE SIZE OPTIONS MKFS...: makes a sparse file of SIZE, a file system in it with "MKFS... FILE", and a
# volume NAME of it that is mounted as TYPE with OPTIONS. Prints the volume's name. The device must be let go with
# backing_release as soon as a container has it mounted.
backing_volume() {
	local name=$1 type=$2 size=$3 options=$4 image=$WORK/$1.img device
	shift 4
	truncate -s "$size" "$image"
	"$@" "$image" >"$WORK/mkfs" 2>&1 || fail "$* fails: $(<"$WORK/mkfs")" || return
	device=$(losetup --find --show "$image")
	echo "$device" >>"$WORK/devices"
	loops_now | grep -E "^$device " >>"$WORK/loops"
	docker volume create --label "dind-run=$RUN" --driver local --opt "type=$type" --opt "device=$device" \
		${options:+--opt "o=$options"} "$RUN-$name"
}

# The kernel detaches a device in use with its last user; one that nobody uses goes at once.
backing_release() {
	local device
	[ -s "$WORK/devices" ] || return 0
	while read -r device; do
		losetup --detach "$device" 2>/dev/null || true
	done <"$WORK/devices"
	: >"$WORK/devices"
}

# backing_kernel_has TYPE
backing_kernel_has() { grep -qE "[[:space:]]$1\$" /proc/filesystems; }

# backing_fuse NAME PROGRAM [ARGUMENT...]: mounts a FUSE file system, served by PROGRAM of this machine in a box; prints
# the mount point. PROGRAM must stay in the foreground and is told its mount point last; /fuse/below is an empty
# directory, and the file BACKING_IMAGE of this machine is /fuse/image.
# shellcheck disable=SC2016
backing_fuse() {
	local dir=$WORK/$1 program library
	program=$(type -P "$2")
	mkdir -p "$dir"/{lib,below,mnt}
	cp -L "$program" "$dir/lib/program"
	while read -r library; do
		cp -L "$library" "$dir/lib/"
	done < <(ldd "$program" | grep -oE '/[^ ]+')
	[ -z "${BACKING_IMAGE:-}" ] || mv "$BACKING_IMAGE" "$dir/image"
	box_start "$1" -v "$dir:/fuse:rshared" --entrypoint sh IMAGE -c '
		"/fuse/lib/$(basename /fuse/lib/ld-linux*)" --library-path /fuse/lib /fuse/lib/program "$@" /fuse/mnt &
		trap "umount -l /fuse/mnt; exit" TERM
		wait' sh "${@:3}"
	echo "$1" >>"$WORK/fuse"
	until_true 10 "$2 has mounted" backing_fuse_mounted "$1" || return
	echo "$dir/mnt"
}
# shellcheck disable=SC2016
backing_fuse_mounted() { box "$1" awk '$2 == "/fuse/mnt" && $3 ~ /^fuse/ { f = 1 } END { exit !f }' /proc/mounts; }

# shellcheck disable=SC2153 # lib.bash sets IMAGE
# Ends the servers, and unmounts what one that was killed has left on the outer side.
backing_fuse_end() {
	local name
	[ -s "$WORK/fuse" ] || return 0
	while read -r name; do
		docker rm -f -v "$RUN-$name" >/dev/null 2>&1 || true
		docker run --rm --privileged --label "dind-run=$RUN" -v "$WORK/$name:/fuse:rshared" --entrypoint sh "$IMAGE" \
			-c 'umount -l /fuse/mnt 2>/dev/null; ! grep " /fuse/mnt " /proc/mounts' ||
			fail "$WORK/$name/mnt stays mounted on the outer side"
	done <"$WORK/fuse"
	: >"$WORK/fuse"
}

# ---- rows -----------------------------------------------------------------------------------------------------------

# A row: fields separated by "|", where DIND_STORAGE_ROWS is a file.
row() {
	local IFS='|'
	[ -z "${DIND_STORAGE_ROWS:-}" ] || printf '%s\n' "$*" >>"$DIND_STORAGE_ROWS"
}

# rung_of PLAN-JSON, and the rungs above it with what spoke against them.
rung_of() { sed -n 's/^ *"rung": "\(.*\)".*/\1/p' <<<"$1" | head -n 1; }
why_of() {
	sed -n 's/^ *"fact": "not \([a-z-]*: .*\)",\{0,1\}$/\1/p' <<<"$1" | sed 's/|/\//g; s/\\"/"/g; s/\.)$/)/' | paste -sd '#' | sed 's/#/; /g'
}

# Three layers: what build steps do to files of the layer below, not only new files.
backing_dockerfile() {
	cat <<-'D'
		FROM bb
		RUN mkdir -p /a/old /b && echo one >/a/old/file && echo kept >/b/kept && echo gone >/b/gone
		RUN rm -r /a/old && mkdir /a/old && echo two >/a/old/new && rm /b/gone && mv /b /c && chmod 4751 /c/kept
		RUN ln /c/kept /c/link && chown 12:34 /c/kept && ln -s kept /c/symbolic && echo three >>/c/kept
		CMD ["sh", "-c", "ls /a/old /c; cat /c/symbolic; stat -c '%a %u %g %h' /c/link"]
	D
}
# chown takes the set-user-ID bit away, as everywhere.
BACKING_EXPECTED=$'/a/old:\nnew\n\n/c:\nkept\nlink\nsymbolic\nkept\nthree\n751 12 34 2'

# backing_case TITLE NAME [docker's options] IMAGE [arguments]: a box on that backing; plan, start, build, run, a row.
# Sets rung, driver and why. Fails when the engine does not do what engines do.
backing_case() {
	local title=$1 name=$2 begin plan result=failed out ran=yes
	shift 2
	box_run "$name-plan" "$@" plan --json
	plan=$out
	rung=$(rung_of "$plan") why=$(why_of "$plan") driver='-'
	begin=$(now_ms)
	box_start "$name" "$@"
	if box_ready "$name" 60; then
		driver=$(box "$name" docker info -f '{{.Driver}}')
		box_import "$name"
		result='build failed'
		begin=$(now_ms)
		if backing_dockerfile | DOCKER_TIMEOUT=200 box_in "$name" docker build -q -t built - >"$WORK/out" 2>&1; then
			result='run failed'
			out=$(inner_run "$name" built) || ran=no
			[ "$out" != "$BACKING_EXPECTED" ] || [ "$ran" = no ] || result=works
		else
			cat "$WORK/out"
		fi
	else
		result='does not start'
	fi
	elapsed=$(($(now_ms) - begin))
	backing_release
	row "$title" "kernel $(uname -r | cut -d. -f1,2)" "${rung:--}" "$driver" "$result" "$(backing_seconds "$elapsed")" "$why"
	echo "$title: rung ${rung:--}, driver $driver, $result after $elapsed ms; $why"
	[ "$result" = works ] || fail "$title: $result: ${out:-}"
}
backing_seconds() { printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100)); }

# backing_is RUNG DRIVER: what it must have been.
backing_is() {
	assert_eq "$1" "$rung" rung
	assert_eq "$2" "$driver" 'inner driver'
}
