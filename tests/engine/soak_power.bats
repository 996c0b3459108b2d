#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The power is cut at random moments of a start, a build, a load, fifty times on one image file: it always starts again, and
# the images are complete, or what is lost is named.
# DIND_SOAK=1: fifty cuts, else five. DIND_SOAK_SEED repeats a sequence.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() {
	# One that is paused cannot be removed by every engine.
	docker unpause "$RUN-power" >/dev/null 2>&1 || true
	engine_teardown
}
teardown_file() { engine_teardown_file; }

# What is said when data that was not on the disk yet may be gone.
LOSS='was not unmounted'
# An image is on the disk so long after it was made, whatever happens: dirty_expire, its interval, and a commit.
SETTLED_MS=45000

# Each image checks itself when it is run. Names of those that are complete go to stdout, with the time.
WORKER='
build() {
	printf "FROM bb\nRUN dd if=/dev/urandom of=/a bs=64k count=32 2>/dev/null; sha256sum /a >/sum\nRUN dd if=/dev/urandom of=/b bs=64k count=16 2>/dev/null; sha256sum /b >>/sum\nCMD [\"sha256sum\", \"-c\", \"-s\", \"/sum\"]\n" |
		docker build -q --no-cache -t "$1" - >/dev/null
}
case $1 in
build) build "$2" && echo "$2" ;;
work)
	dind-init ready --timeout 60 || exit
	n=0
	while :; do
		n=$((n + 1))
		build "$2-$n" && echo "$2-$n"
		sleep "$3"
	done &
	# What goes and comes is not promised to be there; when it is, it has to be whole.
	while :; do
		docker rmi -f loaded
		docker load -q -i /loaded.tar
	done >/dev/null &
	wait ;;
esac'

# random FROM TO: milliseconds, into ms.
random() { ms=$(($1 + (RANDOM * 32768 + RANDOM) % ($2 - $1 + 1))); }
sleep_ms() { sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"; }

# run_all NAME: prints those images of the box that are not what they were. Each that has a name is tried.
run_all() {
	box "$1" sh -c 'for i in "$@"; do timeout 20 docker run --rm --network none "$i" || echo "$i"; done 2>&1' sh "${@:2}"
}
listed() { box "$1" docker images --format '{{.Repository}}' | grep -vx -e '<none>' -e bb | sort; }

# Those of the file $WORK/complete that were so at the time $1 and earlier.
complete_at() { awk -v end="$1" '$1 <= end { print $2 }' "$WORK/complete" | sort; }

# The names as they come, with the time at which they were seen.
stamp() {
	local name
	while read -r name; do echo "$(now_ms) $name"; done >>"$WORK/complete"
}

# start_box: a container that had its power cut, and all that was complete. Sets took.
start_again() {
	local begin missing bad
	begin=$(now_ms)
	docker start "$(box_name power)" >/dev/null
	box_ready power 60 || fail "after cut $1 it does not start again" || return
	took=$(($(now_ms) - begin))
	listed power >"$WORK/listed"
	missing=$(complete_at "$(now_ms)" | comm -23 - "$WORK/listed")
	[ -z "$missing" ] || fail "after cut $1 images are missing: $missing" || return
	# Those that were not run before, and the one that is loaded again and again.
	mapfile -t new < <(grep -vxF -f "$WORK/checked" "$WORK/listed")
	bad=$(run_all power "${new[@]}")
	[ -z "$bad" ] || fail "after cut $1 images are broken: $bad" || return
	grep -vx loaded "$WORK/listed" >"$WORK/checked" || true
	assert_match '^mine$' "$(box power docker network ls --format '{{.Name}}')" "networks after cut $1"
}

set_up() {
	image_volume=$(volume "$1")
	box_create power -v "$image_volume:/var/lib/dind-init" IMAGE
	docker start "$(box_name power)" >/dev/null
	box_ready power 60
	box_import power
	box power docker network create mine >/dev/null
	box power sh -c "$WORKER" worker build loaded >/dev/null
	box power docker save -o /loaded.tar loaded
	echo bb >"$WORK/checked"
	: >"$WORK/complete"
	RANDOM=${DIND_SOAK_SEED:=$((EPOCHSECONDS % 32768))}
	echo "# seed $DIND_SOAK_SEED" >&3
}

@test "soak: killed at any moment of a start, a build, a load" {
	cuts=$([ "${DIND_SOAK:-0}" = 1 ] && echo 50 || echo 5)
	early=0 undone=0 slowest=0
	set_up image
	box_kill power
	for ((i = 1; i <= cuts; i++)); do
		begin=$(now_ms)
		docker start "$(box_name power)" >/dev/null
		box_live power sh -c "$WORKER" worker work "cut$i" 0 </dev/null 2>/dev/null 3>&- | stamp 3>&- &
		# Every third one while it starts.
		if [ $((i % 3)) = 1 ]; then random 100 1000; else random 200 6000; fi
		# Every third one when there is a new image that must not be lost, however slow the machine is.
		if [ $((i % 3)) = 0 ]; then
			until_true 60 'an image is complete' grep -q " cut$i-" "$WORK/complete"
			random 0 2000
		fi
		sleep_ms "$ms"
		box power test -e /var/lib/docker/.dind-starting 2>/dev/null && early=$((early + 1))
		box_kill power
		wait $!
		since=$(date +%s.%N)
		start_again "$i" || fail "killed $ms ms after the start"
		docker logs --since "$since" "$(box_name power)" 2>&1 | grep -q 'cut off before the engine was ready' && undone=$((undone + 1))
		[ "$took" -le "$slowest" ] || slowest=$took
		box_kill power
	done
	# All of them, once more.
	: >"$WORK/checked"
	start_again 'all cuts'
	echo "# $cuts cuts, $early of them before it was ready ($undone had to be undone); $(wc -l <"$WORK/complete") images" \
		"complete and all there, slowest start $slowest ms" >&3
	[ "$(wc -l <"$WORK/complete")" -ge "$((cuts / 5))" ]
}

@test "a start that is cut off while the engine writes about networks is undone" {
	# dockerd is killed between two records one time in ten; here each time, and what it leaves is worse.
	cat >"$WORK/dockerd" <<-'EOT'
		#!/bin/sh
		[ -e /cut ] && [ "$1" != --version ] || PATH=/usr/sbin:/usr/bin exec dockerd "$@"
		rm /cut
		echo 'half of a record' >/var/lib/docker/network/files/local-kv.db
		kill -9 $$
	EOT
	chmod +x "$WORK/dockerd"
	box_start half -v "$WORK/dockerd:/usr/local/sbin/dockerd:ro" IMAGE
	box_ready half
	assert_eq '' "$(box half sh -c 'ls /var/lib/docker/.dind-starting 2>/dev/null' || true)" 'mark of an engine that is ready'
	box half docker network create mine >/dev/null
	box half touch /cut
	box_kill half
	docker start "$(box_name half)" >/dev/null
	assert_eq 137 "$(box_wait half)" 'status of the start that is cut off'
	docker start "$(box_name half)" >/dev/null
	box_ready half
	box_log_has half 'the last start was cut off'
	assert_match '^mine$' "$(box half docker network ls --format '{{.Name}}')" networks
	# It is the mark that does it: made after ready, the same is the engine's end.
	box half sh -c 'echo "half of a record" >/var/lib/docker/network/files/local-kv.db'
	box_kill half
	docker start "$(box_name half)" >/dev/null
	[ "$(box_wait half)" != 0 ]
	refute_match 'ready after' "$(docker logs --tail 5 "$(box_name half)" 2>&1)" 'the start upon a data base that is broken'
}

@test "layers that have lost files are known by the engine's own records" {
	check='for c in /usr/libexec/dind-init /usr/local/libexec/dind-init; do
		[ ! -x "$c/dind-client" ] || exec "$c/dind-client" check --directory /var/lib/docker
	done'
	box_start layers IMAGE
	box_ready layers
	box_try layers whole
	printf 'FROM whole\nRUN echo 12345 >/above\n' | box_in layers docker build -q -t above - >/dev/null
	assert_match '^[1-9][0-9]*$' "$(box layers sh -c "$check")" 'layers that were looked at'
	# As delayed allocation leaves it.
	box layers sh -c 'find /var/lib/docker/overlay2/*/diff/above -size -10c | while read -r f; do : >"$f"; done'
	status=0
	out=$(box layers sh -c "$check") || status=$?
	assert_eq 1 "$status" "status, with '$out'"
	assert_match '(^|, )above:latest' "$out" 'the image that is named'
	refute_match '(whole|bb):latest' "$out" 'images that are whole'
}

# Nothing of the page cache of a machine that loses its power gets to the disk. What the disk has at a moment is what the
# image file has: it is written with direct I/O. The copy is of one moment when the device has written nothing meanwhile.
writes() { awk '{ print $5, $7, $12, $14, $9 }' "/sys/block/${1#/dev/}/stat"; }

# cut DEVICE VOLUME: copies the image file as it is into VOLUME. Sets at.
cut() {
	local try before
	for try in 1 2 3 4 5 6 7 8; do
		# A machine that is busy may not get it frozen in time.
		if ! docker pause "$(box_name power)" >/dev/null; then
			docker unpause "$(box_name power)" >/dev/null 2>&1 || true
			continue
		fi
		at=$(now_ms)
		before=$(writes "$1")
		docker run --rm --label "dind-run=$RUN" --network none -v "$image_volume:/from:ro" -v "$2:/to" --entrypoint cp "$IMAGE" \
			--reflink=never --sparse=always /from/data.img /to/data.img
		if [ "$(writes "$1")" = "$before" ] && [[ $before = *' 0' ]]; then
			docker unpause "$(box_name power)" >/dev/null
			return
		fi
		docker unpause "$(box_name power)" >/dev/null
	done
	fail "the device was written to at each of $try tries"
}

@test "soak: the power is cut, and what was not on the disk is gone" {
	cuts=$([ "${DIND_SOAK:-0}" = 1 ] && echo 10 || echo 1)
	lost=0 named=0
	set_up disk
	device=$(box_loop power)
	DOCKER_TIMEOUT=3600 box_live power sh -c "$WORKER" worker work run 2 </dev/null 2>/dev/null 3>&- | stamp 3>&- &
	for ((i = 1; i <= cuts; i++)); do
		random 3000 8000
		sleep_ms "$ms"
		copy=$(volume "copy$i")
		cut "$device" "$copy"
		box_start "copy$i" -v "$copy:/var/lib/dind-init" IMAGE
		box_ready "copy$i" 60 || fail "from cut $i it does not start"
		listed "copy$i" >"$WORK/listed"
		# Those that were whole in an earlier copy are looked at again in the last one.
		[ "$i" != "$cuts" ] || : >"$WORK/checked"
		mapfile -t here < <(grep -vxF -f "$WORK/checked" "$WORK/listed")
		complete_at "$at" | comm -23 - "$WORK/listed" >"$WORK/gone"
		run_all "copy$i" "${here[@]}" >>"$WORK/gone"
		grep -vx loaded "$WORK/listed" | grep -vxF -f "$WORK/gone" >"$WORK/checked" || true
		if [ -s "$WORK/gone" ]; then
			echo "cut $i: lost $(xargs <"$WORK/gone")"
			lost=$((lost + $(wc -l <"$WORK/gone")))
			box_log_has "copy$i" "$LOSS" || fail "cut $i: $(xargs <"$WORK/gone") were lost, and nothing is said"
			# Those that are still listed are named, unless there are too many for a line.
			said=$(box_logs "copy$i" | sed -n "s/.*$LOSS.* of these images are lost: \(.*\); remove them.*/ \1/p")
			grep -xF -f "$WORK/listed" "$WORK/gone" >"$WORK/broken" || true
			[[ $said = *' more' ]] || while read -r name; do
				assert_match " $name:latest(,|\$)" "$said" "cut $i: the loss of $name" || return
			done <"$WORK/broken"
			settled=$(complete_at "$((at - SETTLED_MS))" | grep -xF -f "$WORK/gone" || true)
			[ -z "$settled" ] || fail "cut $i: $settled were on the disk, and are lost"
		fi
		! box_log_has "copy$i" "$LOSS" || named=$((named + 1))
		docker rm -f "$(box_name "copy$i")" >/dev/null
		docker volume rm "$copy" >/dev/null
	done
	box_kill power
	wait
	echo "# $cuts cuts, $(wc -l <"$WORK/complete") images made; $lost lost, $named starts say that this may be" >&3
}
