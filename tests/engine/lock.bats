#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One engine per data root: the second is refused at once, and told who has it.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# The program's own time: a shell is PID 1 here, so that what is measured does not hold the outer engine's part.
TIMED='begin=$(date +%s%3N); dind-init "$@"; status=$?; echo "took $(($(date +%s%3N) - begin)) ms"; exit "$status"'

# refused NAME HOLDER MOUNT [ARGUMENT...]: a second engine on MOUNT ends with 75 and names HOLDER.
refused() {
	local name=$1 holder=$2 mount=$3 id took
	shift 3
	id=$(docker inspect -f '{{.Id}}' "$RUN-$holder")
	box_run "$name" -v "$mount" --entrypoint sh IMAGE -c "$TIMED" dind-init "$@"
	assert_eq 75 "$status" 'status of the second engine'
	assert_match "^dind-init: error: .*${id:0:12}" "$err" 'the holder'
	took=$(sed -n 's/^took \([0-9]*\) ms$/\1/p' <<<"$out")
	[ "${took:?no time}" -lt 1000 ] || fail "the refusal took $took ms"
}

# freed_and_taken HOLDER OTHER: after the holder's SIGKILL the other, which was refused before, is ready.
freed_and_taken() {
	box_kill "$1"
	docker start "$RUN-$2" >/dev/null
	box_ready "$2"
	box_stop "$2"
	assert_eq 0 "$status" "status of $2"
	# In order this time.
	docker start "$RUN-$1" >/dev/null
	box_ready "$1"
}

@test "lock: a second engine on the same volume exits with 75 within a second and names the container" {
	data=$(volume data)
	# Not the name that a container has by default.
	box_start one --hostname agent7 -v "$data:/var/lib/docker" IMAGE
	box_ready one
	box_try one mine
	refused two one "$data:/var/lib/docker"

	# As PID 1 too, by the outer engine's clock, which counts its own work as well.
	box_run three -v "$data:/var/lib/docker" IMAGE -- sh -c 'echo COMMAND-RAN'
	assert_eq 75 "$status" status
	assert_eq '' "$out" stdout
	read -r began ended < <(docker inspect -f '{{.State.StartedAt}} {{.State.FinishedAt}}' "$(box_name three)")
	took=$(($(date -d "$ended" +%s%3N) - $(date -d "$began" +%s%3N)))
	[ "$took" -lt 3000 ] || fail "from start to end: $took ms"

	# The first has not noticed.
	assert_eq built-mine "$(box one docker run --rm mine)" 'the image of the first'
}

@test "lock: it is free at once when the holder is gone, by SIGKILL or in order" {
	data=$(volume free)
	box_start one -v "$data:/var/lib/docker" IMAGE
	box_ready one
	box_start two -v "$data:/var/lib/docker" IMAGE
	assert_eq 75 "$(box_wait two 20)" 'status while the first has it'
	freed_and_taken one two
	box_stop one
	assert_eq 0 "$status" 'status of the first'
	docker start "$(box_name two)"
	box_ready two
}

@test "lock: a loop image is locked like a volume" {
	image=$(volume image)
	box_start one -v "$image:/var/lib/dind-init" IMAGE --storage loop
	box_ready one
	loop=$(box_loop_identity one)
	refused two one "$image:/var/lib/dind-init" --storage loop
	assert_match "^$loop\$" "$(loops_now)" "the first's loop device"
	box_import one
	box_kill one
	assert_loop_gone "$loop"
	# Another container finds the image, and in it what the first has left.
	box_run three -v "$image:/var/lib/dind-init" IMAGE --storage loop -- docker images -q bb
	assert_eq 0 "$status" status
	assert_eq 1 "$(grep -c . <<<"$out")" 'images left by the first'
}

@test "lock: COMMAND and exec'd processes do not hold it" {
	data=$(volume held)
	# The lock lives as long as the engine: a stopped COMMAND's stray child must not keep it.
	box_start one -v "$data:/var/lib/docker" IMAGE -- sh -c 'ls -l /proc/self/fd; echo up; exec sleep 3600'
	until_true 30 'COMMAND runs' box_log_has one '^up$'
	refute_match 'dind-lock' "$(box_logs one)" "COMMAND's descriptors"
}
