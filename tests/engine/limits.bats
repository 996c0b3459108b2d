#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a container's limits are inside: who goes first when memory runs out, open files, --mirror-limits.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	export DATA
	DATA="$(volume data):/var/lib/docker"
	box_start main -m 1g --cpus 1.5 --pids-limit 2000 -v "$DATA" IMAGE --mirror-limits -- \
		sh -c 'echo "pid $$"; echo "files $(ulimit -Hn)"; until [ -e /go ]; do sleep 0.2; done
			exec docker run --rm -m 64m --memory-swap 64m bb tail /dev/zero'
	box_ready main
	box_import main
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# group_file CONTROLLER V1-FILE V2-FILE: for a shell in an inner container.
group_file() { echo "cat /sys/fs/cgroup/$3 2>/dev/null || cat /sys/fs/cgroup/$1/$2"; }

# resident PID: kB
resident() { box main sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"; }

@test "limits: COMMAND goes before the engine when memory runs out, though it is smaller" {
	pid=$(box_pids main dockerd)
	command=$(box_logs main | sed -n 's/^pid //p')
	[ "$(resident "${command:?no pid}")" -lt "$(resident "${pid:?no dockerd}")" ] || fail 'COMMAND is larger: it would be first by that alone'
	[ "$(box main cat "/proc/$command/oom_score")" -gt "$(box main cat "/proc/$pid/oom_score")" ] ||
		fail "$(box main head "/proc/$command/oom_score" "/proc/$pid/oom_score")"
}

@test "limits: open files are limited to a sane number, for COMMAND and inner containers" {
	for files in "$(box_logs main | sed -n 's/^files //p')" "$(box main docker run --rm bb sh -c 'ulimit -Hn')"; do
		[[ $files =~ ^[0-9]+$ ]] || fail "the limit of open files is '$files'"
		[ "$files" -ge 1024 ] && [ "$files" -le 1048576 ] || fail "the limit of open files is $files"
	done
}

@test "limits: an inner container without limits sees those of the outer one, in a build too; its own are kept" {
	memory=$(group_file memory memory.limit_in_bytes memory.max)
	assert_eq 1073741824 "$(box main docker run --rm bb sh -c "$memory")" memory
	assert_eq 2000 "$(box main docker run --rm bb sh -c "$(group_file pids pids.max pids.max)")" processes
	assert_match '^150000( 100000)?$' "$(box main docker run --rm bb sh -c "$(group_file cpu cpu.cfs_quota_us cpu.max)")" processors
	assert_eq 67108864 "$(box main docker run --rm -m 64m bb sh -c "$memory")" 'memory of one with -m 64m'
	# 2^64 - 1 in its bundle
	assert_eq 1073741824 "$(box main docker run --rm --ulimit core=-1:-1 bb sh -c "$memory")" 'memory of one with an unlimited ulimit'
	printf 'FROM bb\nRUN { %s; } >/limit\nCMD ["cat", "/limit"]\n' "$memory" | box_in main docker build -q -t limit - >/dev/null
	assert_eq 1073741824 "$(box main docker run --rm limit)" 'memory of a build'
	assert_match 'DIND-CGROUP-14.*memory 1.0 GiB, 1.50 processors, 2000 processes' "$(box_logs main)" 'what is said'
	# What needs no limits: exec, restart, a container that goes on its way.
	box main docker run -d --name again bb sleep 3600 >/dev/null
	box main docker restart -t 0 again >/dev/null
	assert_eq 1073741824 "$(box main docker exec again sh -c "$memory")" 'memory after a restart'
}

@test "limits: a bundle that --mirror-limits cannot change is said where PID 1 logs, and left to runc" {
	box main sh -c 'mkdir /tmp/odd && echo "{\"linux\":7}" >/tmp/odd/config.json'
	if box main /run/dind/runtime/runc create --bundle /tmp/odd odd 2>"$WORK/odd"; then fail 'runc made a container of it'; fi
	refute_match DIND- "$(cat "$WORK/odd")" "runc's stderr, which is a container's"
	assert_match 'DIND-CGROUP-15.*/tmp/odd/config.json: it is not understood.*→' "$(box_logs main)"
}

@test "limits: an inner container that dies of its own limit is not blamed on ours" {
	box main touch /go
	assert_eq 137 "$(box_wait main)" status
	refute_match 'out of memory' "$(box_logs main)"
}

@test "limits: memory that runs out under COMMAND costs a small process of COMMAND's, not the engine" {
	# What fills the memory is a file, so by size the engine would be first.
	box_start full -m 256m --memory-swap 256m --shm-size 1g -v "$(volume full):/var/lib/docker" IMAGE -- \
		sh -c 'dd if=/dev/zero of=/dev/shm/file bs=16M; echo "dd ended with $?"; rm /dev/shm/file
			docker version -f "engine {{.Server.Os}}"; exec sleep 3600'
	until_true 90 'the engine answers after it' box_log_has full '^engine linux$'
	assert_match '^dd ended with 137$' "$(box_logs full)" 'output'
	box_ready full
	refute_match 'DIND-ENGINE-9|starting it again' "$(box_logs full)"
}

@test "limits: an inner container that dies of our limit is named with it" {
	box_start ours -m 256m --memory-swap 256m -v "$(volume ours):/var/lib/docker" IMAGE -- \
		sh -c 'until [ -e /go ]; do sleep 0.2; done; exec docker run --rm --oom-score-adj 1000 bb tail /dev/zero'
	box_ready ours
	box_import ours
	box ours touch /go
	assert_eq 137 "$(box_wait ours)" status
	assert_match 'DIND-COMMAND-02.*COMMAND .*137 \(out of memory, the limit is 256.0 MiB\)' "$(box_logs ours)"
}
