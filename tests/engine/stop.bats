#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `docker stop` with the default grace of 10 s: everything down in order, whatever the inner containers do.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() {
	[ -z "${path:-}" ] || outer_unmount "$path" || true
	engine_teardown
}
teardown_file() { engine_teardown_file; }

# stopped_clean NAME STATUS [LOOP [VOLUME]]
stopped_clean() {
	assert_eq "$2" "$status" "status of $1 (137: the outer engine had to kill it)"
	[ "$elapsed" -lt 10000 ] || fail "docker stop took $elapsed ms"
	[ -z "${3:-}" ] || assert_loop_gone "$3"
	assert_unmounted "$1" ${4:+"$4"}
	[ -z "${3:-}" ] || assert_image_clean "$1"
}

@test "stop: three deaf inner containers on a loop image" {
	box_start loop IMAGE
	box_ready loop
	loop=$(box_loop_identity loop)
	box_import loop
	box_deaf loop
	box_stop loop
	stopped_clean loop 0 "$loop"
	assert_match 'stop: killed [0-9]+ inner container' "$(box_logs loop)" 'what is said of the deaf ones'

	# The engine had the time to write down how they ended.
	docker start "$(box_name loop)"
	box_ready loop
	assert_eq 3 "$(box loop docker ps -aq --filter status=exited | wc -l)" 'containers that are known to have ended'
	assert_match '^heard$' "$(box loop docker logs deaf3)" 'log of the one that hears TERM'
}

@test "stop: three deaf inner containers on a volume" {
	data=$(volume data)
	box_start vol -v "$data:/var/lib/docker" IMAGE
	box_ready vol
	box_import vol
	box_deaf vol
	box_stop vol
	stopped_clean vol 0 '' "$data"
}

@test "stop: what a shared mount shows outside is taken away there too" {
	# With shared propagation (in Kubernetes: Bidirectional) the end of the container's mount namespace takes nothing away
	# outside: only who mounted it can unmount it.
	data=$(volume shared)
	path=$(docker volume inspect -f '{{.Mountpoint}}' "$data")
	if ! error=$(box_start shared -v "$path:/var/lib/docker:rshared" IMAGE --storage loop 2>&1); then
		assert_match 'not a shared mount' "$error" 'why it does not start'
		engine_skip 'the outer engine has no shared mounts'
	fi
	box_ready shared
	loop=$(box_loop_identity shared)
	box_import shared
	box_deaf shared
	assert_match " $path [^-]*- ext4 ${loop%% *} " "$(outer_mounts)" 'mounts outside while it runs'
	box_stop shared
	outer_unmount "$path"
	stopped_clean shared 0 "$loop"
	assert_eq '' "$unmounted" 'what was still mounted outside'
}

# outer_unmount PATH: whatever is mounted there on the outer side; sets unmounted to its list.
outer_unmount() {
	unmounted=$(outer_mounts | awk -v path="$1" '$5 == path || index($5, path "/") == 1 { print $5 }')
	[ -z "$unmounted" ] || docker run --rm --privileged --pid host --label "dind-run=$RUN" --entrypoint nsenter "$IMAGE" \
		-t 1 -m -- umount --recursive "$1"
}

@test "stop: one gigabyte of dirty data in the inner data root, which is there afterwards" {
	box_start dirty IMAGE
	box_ready dirty
	loop=$(box_loop_identity dirty)
	box_import dirty
	box_deaf dirty
	box dirty docker run -d --name writer -v data:/data bb sh -c 'yes dirty | head -c 1073741824 >/data/file && touch /data/done; sleep 3600' >/dev/null
	until_true 60 'the gigabyte is written' box dirty test -e /var/lib/docker/volumes/data/_data/done
	box_stop dirty
	stopped_clean dirty 0 "$loop"

	docker start "$(box_name dirty)"
	box_ready dirty
	assert_eq "$(yes dirty | head -c 1073741824 | md5sum)" "$(box dirty sh -c 'md5sum </var/lib/docker/volumes/data/_data/file')" 'the data'
}

@test "stop: a COMMAND that ignores TERM and deaf inner containers share the grace" {
	box_start both IMAGE -- sh -c 'trap "" TERM; echo up; while :; do sleep 3600; done'
	until_true 30 'COMMAND runs' box_log_has both '^up$'
	loop=$(box_loop_identity both)
	box_import both
	box_deaf both
	box_stop both
	# 128+9 of COMMAND; that it was not the outer engine's SIGKILL is shown by the time and the clean image.
	stopped_clean both 137 "$loop"
}

@test "stop: one that comes while the engine is still starting, at any moment of it" {
	box_create early IMAGE
	for delay in 0 0.03 0.1 0.2 0.4 0.8 1.2; do
		docker start "$(box_name early)" >/dev/null
		# Not a wait but the stimulus: where in the start it falls.
		sleep "$delay"
		box_stop early
		# Also where dockerd had no handler yet and died of TERM: that is the stop that was asked for. And `docker start` may
		# return before the outer runc has become our program: a runc that gets TERM ends with 2, and nothing was said.
		[ "$status/$(box_logs early | wc -l)" = 2/0 ] || assert_eq 0 "$status" "status of a stop after $delay s"
		[ "$elapsed" -lt 10000 ]
	done
	assert_unmounted early
	# And it starts again on what that left.
	docker start "$(box_name early)"
	box_ready early
	box_try early late
}

@test "stop: a COMMAND that needs docker for 3 s more after TERM has it, and the shares are told" {
	box_start needs IMAGE -- sh -c 'trap "sleep 3; docker version -f \"engine {{.Server.Os}}\"; exit 5" TERM; echo up; while :; do sleep 3600 & wait $!; done'
	until_true 60 'COMMAND runs' box_log_has needs '^up$'
	# a look from outside: COMMAND has no handler for it, and lives
	docker kill --signal USR1 "$(box_name needs)"
	until_true 10 'the state is told' box_log_has needs 'state: COMMAND runs, pid'
	assert_match 'state: dockerd runs, pid' "$(box_logs needs)"
	box_stop needs
	assert_eq 5 "$status" status
	log=$(box_logs needs)
	assert_match '^engine linux$' "$log" 'docker 3 s after TERM'
	assert_match 'stop: 9.0 s in all: COMMAND up to 4.0, the engine' "$log"
}

@test "stop: --quit-file stops in order when it appears" {
	box_start quit IMAGE --quit-file /run/quit
	box_ready quit
	loop=$(box_loop_identity quit)
	box quit touch /run/quit
	assert_eq 0 "$(box_wait quit 20)" status
	assert_loop_gone "$loop"
	assert_image_clean quit
}

@test "stop: a second TERM ends COMMAND, a third the engine; --ready-file told when there was one" {
	# So long that nothing but a TERM can end a phase.
	box_start terms IMAGE --stop-timeout 1000 --ready-file /run/is-ready -- \
		sh -c 'trap "echo heard-term" TERM; test -e /run/is-ready || exit 3; echo "up $$"; while :; do sleep 3600 & wait; done'
	until_true 60 'COMMAND runs' box_log_has terms '^up [0-9]+$'
	pid=$(box_logs terms | sed -n 's/^up //p')
	loop=$(box_loop_identity terms)
	box_import terms
	box terms docker run -d --stop-timeout 1000 bb sh -c 'trap : TERM; while :; do sleep 3600 & wait; done' >/dev/null
	docker kill --signal TERM "$(box_name terms)" >/dev/null
	until_true 10 'COMMAND hears the first' box_log_has terms '^heard-term$'
	box terms docker version >/dev/null || fail 'COMMAND still runs, and the engine does not answer'
	box terms test -d "/proc/$pid"
	docker kill --signal TERM "$(box_name terms)" >/dev/null
	until_true 10 'the second ends COMMAND' box terms test ! -d "/proc/$pid"
	[ -n "$(box_pids terms dockerd)" ] || fail 'the engine is gone, too'
	docker kill --signal TERM "$(box_name terms)" >/dev/null
	assert_eq 137 "$(box_wait terms 30)" 'status: that of COMMAND'
	assert_loop_gone "$loop"
	assert_image_clean terms
	assert_unmounted terms
}
