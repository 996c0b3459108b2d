# shellcheck shell=bash
# cgroup v1 alone: inner groups lie below the container's in every hierarchy, and what a runtime left out, mounted
# read-only, or mounted so that the host's root shows is put in order. What works is left alone.

v1_root() { printf '%s/%s\n' "$CG" "$1"; }
# v1_group CONTAINER SET [INNER-ID]
v1_group() { printf '%s/docker/%s%s\n' "$(v1_root "$2")" "$(container_id "$1")" "${3:+/docker/$3}"; }
# The groups right below the root of every hierarchy, and those of the outer engine's containers.
v1_children() { find "$CG" -mindepth 2 -maxdepth 3 -type d | sort; }
v1_sets() { (cd "$CG" && find . -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort); }

# tried NAME: what is to be seen in a nested engine with limits
tried() {
	inside "$1" <<'X'
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run -d --name sleeper -m 64m --cpus .5 --pids-limit 50 --cpuset-cpus 0 tiny sleep 1000 >/dev/null
echo "sleeper=$(docker inspect -f '{{.Id}}' sleeper)"
docker run --rm -m 64m --memory-swap 64m tiny dd if=/dev/zero of=/dev/null bs=200M count=1 >/dev/null 2>&1
echo "hog=$?"
docker run --rm --device /dev/null:/dev/given tiny sh -c 'echo x >/dev/given; echo "given=$?"
	mknod /tmp/other c 10 237; cat /tmp/other; echo "other=$?"' 2>&1
X
}

# placed CONTAINER INNER-ID: the inner container is below its outer one, everywhere, with its limits. (A hierarchy that the
# outer runtime does not know has no group for the outer container either.)
placed() {
	local set missing=''
	for set in $(v1_sets); do
		[[ -d $(v1_group "$1" "$set") ]] || continue
		has_process "$(v1_group "$1" "$set" "$2")" || missing+="$set "
	done
	is "$1: the inner container's group is below the outer's in every hierarchy" "$missing" ""
	is "$1: inner memory limit" "$(cat "$(v1_group "$1" memory "$2")/memory.limit_in_bytes")" 67108864
	is "$1: inner cpu quota" "$(cat "$(v1_group "$1" cpu,cpuacct "$2")/cpu.cfs_quota_us")" 50000
	is "$1: inner pids limit" "$(cat "$(v1_group "$1" pids "$2")/pids.max")" 50
	is "$1: inner cpuset" "$(cat "$(v1_group "$1" cpuset "$2")/cpuset.cpus")" 0
	like "$1: inner devices" "$(cat "$(v1_group "$1" devices "$2")/devices.list")" 'c 1:3 rwm'
}

docker run --rm tiny true # the outer engine makes groups of its own with its first container
children_before=$(v1_children)
note "hierarchies: $(v1_sets | tr '\n' ' ')"

# ---- all is there: nothing is touched

nested run whole -m 300m --memory-swap 300m -- >/dev/null || not_ok "docker run"
ready whole || return 1
plan=$(inside whole <<<'dind-init plan --json')
is "whole: no step touches a hierarchy" "$(jq -r '[.steps[].kind | select(test("cgroup|writable"))] | join(" ")' <<<"$plan")" ""
like "whole: the log says so" "$(docker logs whole 2>&1)$(jq -r '.decisions[].fact' <<<"$plan")" 'cgroup v1: all hierarchies are there'
seen=$(tried whole)
placed whole "$(value "$seen" sleeper)"
is "whole: an inner container beyond its limit is killed" "$(value "$seen" hog)" 137
is "whole: a device that was given can be used" "$(value "$seen" given)" 0
like "whole: one that was not cannot" "$(value "$seen" other)" '^[1-9]' || note "$seen"
limits_hold_v1() {
	local group out
	group=$(v1_group whole memory)
	out=$(inside whole <<<'docker run --rm tiny dd if=/dev/zero of=/dev/null bs=400M count=1 >/dev/null 2>&1; echo "hog=$?"')
	is "whole: 400 MB in an inner container without a limit do not fit the outer's 300" "$(value "$out" hog)" 137
	# oom_kill counts where the process was, in v1; what the outer group did is to refuse. With swap accounting, and both
	# limits the same, it is the sum with swap that is refused first.
	check "whole: the outer's group refused it" awk '{ refused += $1 } END { exit !refused }' "$group"/memory*failcnt
	# A process that is being killed may be given a few pages more, so that it can end (mm/memcontrol.c, force).
	check "whole: and never had more" test "$(cat "$group/memory.max_usage_in_bytes")" -le $((314572800 + 64 * 4096))
	check "whole: the outer container lives on" is_running whole
}
limits_hold_v1
docker stop whole >/dev/null || not_ok "docker stop"
is "whole: exit status after docker stop" "$(docker inspect -f '{{.State.ExitCode}}' whole)" 0 || logs whole
is "whole: no group is left" "$(v1_children)" "$children_before"

# ---- what a runtime leaves out or gets wrong

held broken || return 1
inside broken <<'X' || not_ok "broken: the hierarchies are taken away"
set -e
cd /sys/fs/cgroup
umount memory systemd cpu,cpuacct
rm -f cpu cpuacct
rmdir memory systemd cpu,cpuacct
mount -o remount,bind,ro cpuset
umount pids
mount -t cgroup -o pids pids pids
X
release broken
ready broken || return 1
like "broken: the log names what was done" "$(inside broken <<<'dind-init plan' 2>&1)" 'cgroup v1'
seen=$(tried broken)
placed broken "$(value "$seen" sleeper)"
is "broken: an inner container beyond its limit is killed" "$(value "$seen" hog)" 137
is "broken: the aliases are back" "$(inside broken <<<'readlink /sys/fs/cgroup/cpu /sys/fs/cgroup/cpuacct' | tr '\n' ' ')" \
	"cpu,cpuacct cpu,cpuacct "
is "broken: nothing new at the host's roots" "$(v1_children | grep -v "$(container_id broken)")" "$children_before"
docker stop broken >/dev/null || not_ok "docker stop"
is "broken: no group is left" "$(v1_children)" "$children_before"

# ---- nothing at all is mounted

held bare || return 1
inside bare <<<'umount -R /sys/fs/cgroup && ! mountpoint -q /sys/fs/cgroup' || not_ok "bare: nothing is mounted"
release bare
ready bare || return 1
seen=$(tried bare)
placed bare "$(value "$seen" sleeper)"
is "bare: nothing new at the host's roots" "$(v1_children | grep -v "$(container_id bare)")" "$children_before"
docker stop bare >/dev/null || not_ok "docker stop"
is "bare: no group is left" "$(v1_children)" "$children_before"
true
