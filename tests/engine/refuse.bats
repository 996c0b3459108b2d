#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Refusals: a status of sysexits, one line of fact, one of remedy, and nothing changed.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# unchanged NAME: the container's file system is as the image has it.
unchanged() { assert_eq '' "$(docker diff "$RUN-$1")" "what $1 changed"; }

@test "refuse: no privileges is 77, with what is missing and the flag that adds it" {
	box_run_plain bare IMAGE
	assert_eq 77 "$status" status
	assert_match '--privileged' "$err" remedy
	assert_match 'CAP_SYS_ADMIN' "$err" fact
	assert_match 'DIND-[A-Z]+-[0-9]+' "$err" 'stable code'
	assert_eq '' "$out" stdout
	unchanged bare

	: >"$WORK/termination"
	box_run_plain command -v "$WORK/termination:/dev/termination-log" IMAGE -- sh -c 'echo COMMAND-RAN'
	assert_eq 77 "$status" 'status with a COMMAND'
	assert_eq '' "$out" stdout
	assert_match '--privileged' "$(<"$WORK/termination")" 'termination log'
}

@test "refuse: doctor works without privileges and says the same" {
	box_run_plain doctor IMAGE doctor
	assert_eq 77 "$status" status
	assert_match '--privileged' "$out$err" remedy
	unchanged doctor
	box_run_plain json IMAGE doctor --json
	assert_eq 77 "$status" status
	assert_match '^[[:space:]]*[{[]' "$out" JSON
	box_run fine IMAGE doctor
	assert_eq 0 "$status" 'status with privileges'
}

@test "refuse: plan, inspect, version and help work without privileges" {
	box_run_plain plan IMAGE plan
	assert_match '^(0|77)$' "$status" 'status of plan'
	assert_match '--privileged' "$out$err" plan
	box_run_plain inspect IMAGE inspect
	assert_eq 0 "$status" 'status of inspect'
	assert_match '"privileges"' "$out" inspect
	cp "$WORK/out" "$WORK/facts.json"
	box_run_plain version IMAGE version
	assert_eq 0 "$status" 'status of version'
	assert_match '[0-9]+\.[0-9]+' "$out" version
	box_run_plain help IMAGE help
	assert_eq 0 "$status" 'status of help'
	assert_match '--storage-path' "$out" help
	box_run_plain dashhelp IMAGE --help
	assert_eq "$out" "$(docker logs "$(box_name help)" 2>/dev/null)" 'help and --help'

	# What inspect found makes the same plan anywhere, here in a container with every privilege.
	box_args replay -i IMAGE plan --facts -
	out=$(docker run --privileged "${ARGS[@]}" <"$WORK/facts.json" 2>&1) || true
	assert_match '--privileged' "$out" 'plan of those facts'
}

@test "refuse: unknown and contradictory options are 64, and nothing is changed" {
	box_run unknown IMAGE --no-such-option
	assert_eq 64 "$status" 'unknown option'
	assert_match 'no-such-option' "$err" stderr
	assert_eq '' "$out" stdout
	unchanged unknown

	box_run contra IMAGE --user nobody --keep-caps --drop-caps -- true
	assert_eq 64 "$status" 'contradictory options'
	assert_match 'keep-caps' "$err" stderr
	assert_match 'drop-caps' "$err" stderr
	unchanged contra

	box_run value IMAGE --storage loop,floppy
	assert_eq 64 "$status" 'unknown rung'
	assert_match 'floppy' "$err" stderr
	unchanged value

	box_run number IMAGE --stop-timeout soon
	assert_eq 64 "$status" 'no number'
	unchanged number

	box_run twin -e DIND_STORAGE=floppy IMAGE
	assert_eq 64 "$status" 'environment twin'
	assert_match 'DIND_STORAGE' "$err" stderr
	unchanged twin
}

@test "refuse: an unknown DIND_ variable only warns" {
	box_run variable -e DIND_NO_SUCH_THING=1 IMAGE -- true
	assert_eq 0 "$status" status
	assert_match '^dind-init: warning: .*DIND_NO_SUCH_THING' "$err" stderr
}

@test "refuse: a bad daemon.json is 78 with line and column" {
	box_create json IMAGE
	mkdir -p "$WORK/etc/docker"
	printf '{\n  "debug": true,\n  "labels": [ "a=1" oops ]\n}\n' >"$WORK/etc/docker/daemon.json"
	tar -C "$WORK" --owner=0 --group=0 -cf - etc | docker cp -q - "$(box_name json):/"
	before=$(docker diff "$(box_name json)")
	docker start "$(box_name json)"
	assert_eq 78 "$(box_wait json 30)" status
	logs=$(box_logs json)
	assert_match 'daemon\.json' "$logs" output
	assert_match 'line 3' "$logs" output
	assert_match 'column [0-9]+' "$logs" output
	assert_eq "$before" "$(docker diff "$(box_name json)")" 'what the refusal changed'
}

@test "refuse: daemon.json is honoured where it is good" {
	box_create good IMAGE -- docker info -f '{{.Labels}} {{.Driver}}'
	mkdir -p "$WORK/etc/docker"
	printf '{ "labels": [ "team=ci" ], "storage-driver": "vfs" }\n' >"$WORK/etc/docker/daemon.json"
	tar -C "$WORK" --owner=0 --group=0 -cf - etc | docker cp -q - "$(box_name good):/"
	docker start "$(box_name good)"
	assert_eq 0 "$(box_wait good 60)" status
	assert_eq '[team=ci] vfs' "$(docker logs "$(box_name good)" 2>/dev/null)" 'docker info'
}

@test "refuse: the network namespace of another engine, with the flag that mends it" {
	bridge=$(docker network inspect -f '{{index .Options "com.docker.network.bridge.name"}}' bridge)
	[ "$bridge" = docker0 ] || engine_skip "the outer engine's bridge is called $bridge"
	# Something is plugged in, so that it is in use; doctor, because it changes nothing when it is wrong.
	box_start plugged --entrypoint sleep IMAGE 3600
	box_run hostnet --network host IMAGE doctor
	assert_eq 78 "$status" status
	assert_match 'DIND-NET-[0-9]+' "$out" 'stable code'
	assert_match 'docker0' "$out" fact
	assert_match '--network' "$out" remedy
}
