#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A pool of warm caches: agents that share a directory, each with a slot of its own.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# agent NAME POOL [dind-init's options]: a box that leases a slot of POOL, a volume.
agent() { box_start "$1" -v "$2:/cache" IMAGE --cache-pool /cache "${@:3}"; }

# What the box said that it leased, last.
slot_of() {
	local slot
	slot=$(box_logs "$1" | sed -n 's/^dind-init: .*leased \/cache\/\(slot-[0-9]*\).*/\1/p' | tail -n 1)
	echo "${slot:?box $1 has said nothing of a lease}"
}

# The slot that is mounted on the data root of a box.
slot_mounted() { box "$1" sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]*\/\(slot-[0-9]*\) \/var\/lib\/docker .*/\1/p' /proc/self/mountinfo; }

id_of() { docker inspect -f '{{.Id}}' "$(box_name "$1")" | cut -c 1-12; }

# assert_holds NAME COMM FILE: some process of that name has FILE open.
assert_holds() {
	local pid
	pid=$(box_pids "$1" "$2" | head -n 1)
	assert_match "$3" "$(box "$1" ls -l "/proc/${pid:?no process $2}/fd")" "files that $2 has open"
}

@test "pool: two agents have slots of their own; the third goes on cold, or fails, as it was told" {
	pool=$(volume pool)
	agent one "$pool" --cache-slots 2
	agent two "$pool" --cache-slots 2
	box_ready one
	box_ready two
	assert_eq 'slot-1 slot-2' "$( (slot_of one; slot_of two) | sort | xargs)" 'both slots'
	assert_eq "$(slot_of one)" "$(slot_mounted one)" "the first's data root"
	assert_eq "$(slot_of two)" "$(slot_mounted two)" "the second's data root"
	assert_holds one dockerd "/cache/$(slot_of one)/.dind-lock"

	box_run three -v "$pool:/cache" IMAGE --cache-pool /cache --cache-slots 2 --cache-busy fail -- echo COMMAND-RAN
	assert_eq 75 "$status" status
	assert_eq '' "$out" stdout
	assert_match "error: DIND-POOL-02: .*$(id_of one)" "$err" 'the first holder'
	assert_match "error: DIND-POOL-02: .*$(id_of two)" "$err" 'the second holder'

	agent four "$pool" --cache-slots 2
	box_ready four
	assert_match "warning: DIND-POOL-03: .*slot-1 by container" "$(box_logs four)" 'said about the cold start'
	assert_eq '' "$(slot_mounted four)" 'the slot of the cold one'
	assert_eq overlay2 "$(box four docker info -f '{{.Driver}}')" 'driver of the cold one'

	# More may be made.
	agent five "$pool" --cache-slots 3
	box_ready five
	assert_eq slot-3 "$(slot_of five)" 'a new slot'
	# One may be asked who has what.
	facts=$(box five dind-init inspect --cache-pool /cache)
	assert_eq 3 "$(grep -c '"leased": "yes"' <<<"$facts")" 'slots that are leased, as inspect sees it'
}

@test "pool: an agent waits until a slot is given back, and says for whom" {
	pool=$(volume wait)
	agent one "$pool" --cache-slots 1
	box_ready one
	box_try one mine
	agent two "$pool" --cache-slots 1 --cache-busy wait
	until_true 20 'the second waits' box_log_has two "notice: DIND-POOL-05: .*slot-1 by container $(id_of one).*; waiting"
	# Neither busy, nor many lines.
	sleep 1
	assert_eq 1 "$(box_logs two | grep -c DIND-POOL-05)" 'lines while it waits'
	read -r user system < <(box two awk '{ print $14, $15 }' /proc/1/stat)
	[ $((user + system)) -le 20 ] || fail "waiting took $user + $system ticks of CPU time"

	begin=$(now_ms)
	box_stop one
	assert_eq 0 "$status" status
	until_true 5 'the second has it' box_log_has two 'slot-1 is ours after'
	echo "leased $(($(now_ms) - begin)) ms after the stop began"
	box_ready two
	assert_eq slot-1 "$(slot_mounted two)" 'the data root'
	assert_eq built-mine "$(box two docker run --rm mine)" 'the image of the first'

	# A wait ends with TERM as well.
	agent three "$pool" --cache-slots 1 --cache-busy wait
	until_true 20 'the third waits' box_log_has three '; waiting'
	box_stop three
	assert_eq 0 "$status" 'status of a stop while waiting'
	[ "$elapsed" -lt 5000 ] || fail "the stop took $elapsed ms"
	box_start four -v "$pool:/cache" IMAGE --cache-pool /cache --cache-slots 1 --cache-busy wait -- echo COMMAND-RAN
	until_true 20 'the fourth waits' box_log_has four '; waiting'
	box_stop four
	assert_eq 143 "$status" 'status of a stop while waiting, with a COMMAND'
}

@test "pool: SIGKILL of an agent gives its slot back, and the next one finds its images there" {
	pool=$(volume kill)
	agent one "$pool" --cache-slots 1
	box_ready one
	box_try one mine
	# Containers and their mounts are still there at the end.
	box one docker run -d --restart always --name stale bb sleep 3600 >/dev/null
	box_kill one
	agent two "$pool" --cache-slots 1 --cache-busy fail
	box_ready two
	assert_eq slot-1 "$(slot_of two)" 'the slot'
	assert_eq built-mine "$(box two docker run --rm mine)" 'the image of the first'
	# Built once: the cache knows it.
	assert_match 'using cache|CACHED' "$(printf 'FROM bb\nRUN echo "built-mine" >/word && chmod 0444 /word\nCMD ["cat", "/word"]\n' |
		box_in two docker build --progress plain - 2>&1)" 'the build'
}

@test "pool: the slot that was used last is leased first" {
	pool=$(volume warm)
	agent one "$pool"
	agent two "$pool"
	box_ready one
	box_ready two
	last=$(slot_of one)
	other=$(slot_of two)
	[ "$last" != "$other" ]
	box_stop two
	# The clock of the file system ticks in milliseconds, that of the record in seconds.
	sleep 1.1
	box_stop one
	agent three "$pool"
	box_ready three
	assert_eq "$last" "$(slot_of three)" 'leased first'
	agent four "$pool"
	box_ready four
	assert_eq "$other" "$(slot_of four)" 'leased second'
}

@test "pool: a slot where overlay does not work holds an image, and both are locked" {
	# In the layer of the container: its own.
	box_start one IMAGE --cache-pool /cache
	box_ready one
	assert_match 'DIND-POOL-06: .*-v NAME:/cache' "$(box_logs one)" 'the advice'
	loop=$(box_loop_identity one)
	assert_eq overlay2 "$(box one docker info -f '{{.Driver}}')" driver
	box one test -s /cache/slot-1/data.img
	assert_holds one dockerd '/cache/slot-1/.dind-lock'
	assert_holds one dockerd '/cache/slot-1/data.img'
	box_try one mine
	box_stop one
	assert_eq 0 "$status" status
	assert_loop_gone "$loop"
	docker start "$(box_name one)" >/dev/null
	box_ready one
	assert_eq built-mine "$(box one docker run --rm mine)" 'the image after a restart'
}

@test "pool: a slot whose data cannot be used here is left to others, and the next one is taken" {
	pool=$(volume unfit)
	# As an engine with that driver leaves it, used a moment ago.
	box_run before -v "$pool:/cache" --entrypoint sh IMAGE -c '
		mkdir -p /cache/slot-1/devicemapper/metadata /cache/slot-1/image/devicemapper; touch /cache/slot-1/.dind-lock'
	agent one "$pool"
	box_ready one
	assert_match "warning: DIND-POOL-08: another slot is taken: /cache/slot-1 .*devicemapper" "$(box_logs one)" 'what is said'
	assert_eq slot-2 "$(slot_of one)" 'the slot that is leased'
	assert_eq slot-2 "$(slot_mounted one)" 'the data root'
	box one test -d /cache/slot-1/devicemapper/metadata
	# No other may be made, and the first is not locked by anybody.
	box_run two -v "$pool:/cache" IMAGE --cache-pool /cache --cache-slots 1 --cache-busy fail -- echo COMMAND-RAN
	assert_eq 78 "$status" status
	assert_match 'error: DIND-POOL-04: all of /cache hold data that cannot be used here' "$err" 'the refusal'
	assert_match 'DIND-POOL-08|devicemapper' "$err" 'the reason'
}

@test "pool: beyond --cache-size the slot that was used longest ago is emptied, never our own" {
	pool=$(volume limit)
	agent one "$pool"
	agent two "$pool"
	box_ready one
	box_ready two
	other=$(slot_of one)
	box_try two mine
	box_import one
	box one fallocate -l 70M /var/lib/docker/ballast
	box_stop one
	sleep 1.1
	box_stop two
	agent three "$pool" --cache-size 64M
	box_ready three
	assert_eq "$(slot_of two)" "$(slot_of three)" 'the slot of the third'
	until_true 30 "$other is emptied" box three sh -c '[ ! -e "$1/overlay2" ] && [ ! -e "$1/ballast" ]' sh "/cache/$other"
	box three test -d "/cache/$other"
	assert_eq built-mine "$(box three docker run --rm mine)" 'the image in our own'
}

@test "pool: one that cannot be used is refused, with the reason" {
	pool=$(volume bad)
	box_run ro -v "$pool:/cache:ro" IMAGE --cache-pool /cache -- echo COMMAND-RAN
	assert_eq 78 "$status" 'status with a read-only pool'
	assert_match 'error: DIND-POOL-04: .*not writable' "$err" 'read-only'
	box_run parent IMAGE --cache-pool /no/such/cache -- echo COMMAND-RAN
	assert_eq 78 "$status" 'status without a parent'
	assert_match 'error: DIND-POOL-04: .*/no/such/cache' "$err" 'no parent'
	# Nothing is decided without the lease, and nothing is made by a look.
	box_run look -v "$pool:/cache" IMAGE plan --cache-pool /cache
	assert_eq 0 "$status" 'status of plan'
	assert_match 'lease /cache: ' "$out" plan
	assert_match 'depends on which slot' "$out" plan
	box_run empty -v "$pool:/cache" --entrypoint ls IMAGE -A /cache
	assert_eq '' "$out" 'what a look has made'
}
