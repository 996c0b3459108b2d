#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Room: a data root in memory, and disks that are full before anything is made on them.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# full_disk: what the last box said of it.
full_disk() {
	assert_eq 71 "$status" status
	assert_match 'DIND-STORAGE-20.*full.*(of|inodes)' "$err" 'the refusal with its numbers'
	assert_match '-v NAME:/var/lib/docker' "$err" 'the way out'
	refute_match 'level=info' "$err" 'lines of an engine that should not have been started'
}

@test "space: --storage tmpfs keeps the data root in memory, and an engine there builds and runs" {
	box_start memory IMAGE --storage as-is,tmpfs
	box_ready memory
	assert_eq overlay2 "$(box memory docker info -f '{{.Driver}}')" 'inner driver'
	assert_match '^dind-init /var/lib/docker tmpfs' "$(box memory cat /proc/mounts)" mounts
	assert_match 'DIND-STORAGE-19|go when this container stops' "$(box_logs memory)" 'what is said of its end'
	box_try memory kept
	box_stop memory
	assert_eq 0 "$status" status
	# As it says: gone, and the next start has a fresh one.
	docker start "$(box_name memory)" >/dev/null
	box_ready memory
	assert_eq '' "$(box memory docker images -q)" 'images after a restart'
}

@test "space: memory that is not there is no rung" {
	box_run small --memory 1g IMAGE --storage as-is,tmpfs -- true
	assert_eq 78 "$status" status
	assert_match 'tmpfs: only .* of memory are free' "$err" 'the reason'
}

@test "space: a full volume is refused with the numbers, and stays as it was" {
	box_run full --tmpfs /var/lib/docker:size=100m IMAGE -- true
	full_disk
	assert_match '100\.0 MiB of 100\.0 MiB' "$err" 'numbers'
	box_run path --tmpfs /cache:size=100m --entrypoint sh IMAGE -c \
		'dind-init --storage-path /cache -- true; s=$?; ls -A /cache; exit $s'
	full_disk
	assert_eq '' "$out" 'what was made there'
}

@test "space: a volume without inodes is refused likewise" {
	box_run inodes --tmpfs /var/lib/docker:size=1g,nr_inodes=500 IMAGE -- true
	full_disk
	assert_match '4[0-9]{2} of 500 inodes' "$err" 'numbers'
}

@test "space: what is free is in the log and in plan" {
	box_run free --tmpfs /var/lib/docker:size=1g IMAGE plan
	assert_eq 0 "$status" status
	assert_match 'free in /var/lib/docker: .* of 1\.0 GiB, [0-9]+ of [0-9]+ inodes' "$out" plan
}

@test "space: an image file where 10 GiB do not fit promises no more than there is" {
	box_start little --tmpfs /var/lib/dind-init:size=2g IMAGE --storage loop
	box_ready little
	size=$(box little stat -c %s /var/lib/dind-init/data.img)
	[ "$size" -le $((2 << 30)) ] && [ "$size" -ge $((1 << 30)) ] || fail "image of $size bytes"
	box_try little fits
	box_loop_identity little
}
