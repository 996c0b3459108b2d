#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One privilege withheld: works, degrades with a line, or ends with 77 and the flag. A handful of the rows; all of them are
# run by scripts/privilege-table.

# lib.bash and privileges.bash set status, out, err, uses, driver, said, outcome.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load lib
load privileges

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	busybox_tar >/dev/null
	export PRIVILEGE_BASE=''
	PRIVILEGE_RUN=(--label "dind-run=$RUN" -v /var/lib/docker)
	privilege_try none
	assert_eq 0 "$status" 'status with everything'
	assert_eq "$PRIVILEGE_ALL" "$uses" 'uses with everything'
	PRIVILEGE_BASE=$said
}
setup() {
	engine_setup
	PRIVILEGE_RUN=(--label "dind-run=$RUN" --label "dind-case=$CASE" -v /var/lib/docker)
}
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# row WHAT WORD OUTCOME USES [docker options]
row() {
	privilege_try "$1" "${@:5}"
	cat "$WORK/privilege.err"
	privilege_outcome "$2" || fail "$1: something is lost in silence: '$uses' work, and it says '$said'"
	assert_eq "$3" "$outcome" "outcome without $1"
	assert_eq "$4" "$uses" "what works without $1"
}

@test "privileges: a capability that nothing needs is not missed" {
	row cap:sys_time SYS_TIME works "$PRIVILEGE_ALL"
}

@test "privileges: a capability that something needs is named" {
	row cap:sys_module SYS_MODULE degrades "$PRIVILEGE_ALL"
	assert_match 'CAP_SYS_MODULE' "$said" 'the line'
}

@test "privileges: a capability that every inner container has is refused" {
	row cap:mknod MKNOD refused ''
	assert_match '--cap-add MKNOD' "$said" 'the flag'
}

@test "privileges: the default seccomp filter is refused" {
	row unprivileged seccomp refused '' --cap-add ALL
	assert_match '--security-opt seccomp=unconfined' "$said" 'the flag'
}

@test "privileges: a read-only /sys is made writable" {
	row sys sys works "$PRIVILEGE_ALL"
}

@test "privileges: /dev/fuse is made when it is not there" {
	row fuse fuse works "$PRIVILEGE_ALL"
}

@test "privileges: with the devices of every container there is a way, and what is lost is said" {
	PRIVILEGE_RUN=(--label "dind-run=$RUN" --label "dind-case=$CASE")
	row unprivileged device degrades 'run limits build' --cap-add ALL --security-opt seccomp=unconfined \
		--security-opt apparmor=unconfined --security-opt systempaths=unconfined
	assert_eq vfs "$driver" driver
	assert_match 'DIND-PRIV-17' "$said" 'the line of the devices'
}
