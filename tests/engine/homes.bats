#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Homes that others than docker --privileged give: a container in a user namespace with control groups of its own.

# lib.bash sets status, out, err; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	busybox_tar >/dev/null
	home_script >"$WORK/home"
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# A shell script that makes such a home inside a privileged container, as runtimes like sysbox do, and runs "$@" as its first
# process: every namespace new, 65536 users, control groups (of v1 as of v2) that belong to its root, the image's programs.
home_script() {
	cat <<'X'
set -e
export V2=no
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	# Delegation, cgroups(7): a group below ours with nobody beside it, its directory and three of its files.
	V2=yes
	cd /sys/fs/cgroup && mkdir home outside
	for pid in $(cat cgroup.procs); do echo "$pid" >outside/cgroup.procs || [ ! -e "/proc/$pid" ]; done 2>/dev/null
	for controller in $(cat cgroup.controllers); do echo "+$controller" >cgroup.subtree_control; done
	[ "$OWN_GROUPS" = no ] || chown 100000:100000 home home/cgroup.{procs,threads,subtree_control}
	cd /
else
	[ "$OWN_GROUPS" = no ] || for group in /sys/fs/cgroup/*/; do chown 100000:100000 "$group" "$group"/{cgroup.procs,tasks}; done
fi
mkdir /home-of-it && mount -t tmpfs home /home-of-it && cd /home-of-it
cp -a /etc /root . && mkdir -p usr proc sys dev run tmp old var/lib/docker var/tmp && mount --rbind /usr usr
for name in bin sbin lib lib64; do [ ! -e "/$name" ] || ln -s "usr/$name" "$name"; done
cp /given/bb.tar . && chown -R 100000:100000 etc root var run tmp . --silent || true
cat >/inside <<'Y'
set -e
cd /home-of-it && mount --make-rprivate / && mount --rbind . . && cd /home-of-it
mount --rbind /dev dev && mount -t proc proc proc && mount -t sysfs sysfs sys
if [ "$V2" = yes ]; then mount -t cgroup2 cgroup sys/fs/cgroup; else mount --rbind /sys/fs/cgroup sys/fs/cgroup; fi
mount -t tmpfs run run && mount -t tmpfs tmp tmp && pivot_root . old && umount -l old
exec "$@"
Y
new() {
	exec unshare --user --map-users "0:100000:$USERS" --map-groups "0:100000:$USERS" --setuid 0 --setgid 0 \
		--mount --pid --fork --kill-child --net --cgroup --ipc --uts bash /inside "$@"
}
[ "$V2" = yes ] || new "$@"
(echo "$BASHPID" >/sys/fs/cgroup/home/cgroup.procs && new "$@") &
# The parent is in the way: processes that those inside cannot see keep a group from having any below.
for _ in {1..200}; do [ "$(wc -l </sys/fs/cgroup/home/cgroup.procs)" -lt 2 ] || break; sleep 0.05; done
echo "$!" >/sys/fs/cgroup/outside/cgroup.procs
wait "$!"
X
}

# home_run NAME USERS OWN_GROUPS ARGUMENTS...: dind-init with these arguments in such a home; sets status, out, err.
home_run() {
	box_run "$1" -e "USERS=$2" -e "OWN_GROUPS=$3" -v "$WORK:/given:ro" --entrypoint bash IMAGE /given/home dind-init "${@:4}"
}

@test "homes: an engine lives in a user namespace that has users and groups of its own" {
	home_run home 65536 yes -- bash -c '
		docker import -c "ENV PATH=/bin" - bb </bb.tar >/dev/null
		docker info -f "{{.Driver}}"
		docker run --rm -p 8080:80 -m 64m bb echo run
		docker run --rm --privileged bb echo privileged
		printf "FROM bb\nRUN echo built >/word && chown 1000:1000 /word\nCMD cat /word\n" | docker build -q -t built - >/dev/null
		docker run --rm built'
	assert_eq 0 "$status" status
	assert_eq $'overlay2\nrun\nprivileged\nbuilt' "$out" 'what works'
	assert_match 'DIND-PRIV-18.*0 100000 65536' "$err" 'the line of what is left out'
	refute_match 'continuing without' "$err" 'what the kernel forbids and was tried'
	assert_eq 1 "$(grep -c 'DIND-PRIV' <<<"$err")" 'lines about privileges'
}

@test "homes: with groups of the host, or without users, it is 77 and the way out" {
	home_run groups 65536 no -- true
	assert_eq 77 "$status" 'status without groups'
	assert_match 'DIND-PRIV-02.*is not its own to write' "$err" fact
	assert_match 'sysbox' "$err" remedy
	home_run users 1000 yes -- true
	assert_eq 77 "$status" 'status without users'
	assert_match 'DIND-PRIV-02.*with 1000 user ids' "$err" fact
	assert_match 'userns=host' "$err" remedy
}
