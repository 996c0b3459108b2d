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
		sh -c 'echo "score $(cat /proc/self/oom_score_adj)"; echo "files $(ulimit -Hn)"; exec sleep 3600'
	box_ready main
	box_import main
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# group_file CONTROLLER V1-FILE V2-FILE: for a shell in an inner container.
group_file() { echo "cat /sys/fs/cgroup/$3 2>/dev/null || cat /sys/fs/cgroup/$1/$2"; }

@test "limits: COMMAND goes before the engine when memory runs out" {
	pid=$(box_pids main dockerd)
	engine=$(box main cat "/proc/${pid:?no dockerd}/oom_score_adj")
	command=$(box_logs main | sed -n 's/^score //p')
	[ "${command:?no score}" -gt "$engine" ] || fail "COMMAND has $command, dockerd $engine"
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
	printf 'FROM bb\nRUN { %s; } >/limit\nCMD ["cat", "/limit"]\n' "$memory" | box_in main docker build -q -t limit - >/dev/null
	assert_eq 1073741824 "$(box main docker run --rm limit)" 'memory of a build'
	assert_match 'DIND-CGROUP-14.*memory 1.0 GiB, 1.50 processors, 2000 processes' "$(box_logs main)" 'what is said'
	# What needs no limits: exec, restart, a container that goes on its way.
	box main docker run -d --name again bb sleep 3600 >/dev/null
	box main docker restart -t 0 again >/dev/null
	assert_eq 1073741824 "$(box main docker exec again sh -c "$memory")" 'memory after a restart'
}

@test "limits: memory that runs out under COMMAND costs a process of COMMAND's, not the engine" {
	# One that the kernel chooses by its size alone would be this one as well: it is here to see the engine live on.
	box_start full -m 256m -v "$(volume full):/var/lib/docker" IMAGE -- \
		sh -c 'head -c 1G /dev/zero | tail >/dev/null; echo "tail ended with $?"; docker version -f "engine {{.Server.Os}}"; exec sleep 3600'
	until_true 90 'the engine answers after it' box_log_has full '^engine linux$'
	assert_match '^tail ended with 137$' "$(box_logs full)" 'output'
	box_ready full
}
