# shellcheck shell=bash
# A privileged container in the host's cgroup namespace, as Kubernetes starts it: the whole host's tree is mounted in it,
# writable. Inner containers must stay below the outer container's group, and so inside its limit.

held pod --cgroupns=host || return 1
group=$(container_cgroup pod)
restore_cgroup_options
options_before=$(cgroup_options)
groups_before=$(root_groups)
like "the host's cgroup mount has both options before" "$options_before" 'nsdelegate.*memory_recursiveprot'

release pod
ready pod || return 1
seen=$(inside pod <<'X'
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run -d --name sleeper tiny sleep 1000 >/dev/null
echo "sleeper=$(docker inspect -f '{{.Id}}' sleeper)"
docker run --rm -m 64m --pids-limit 50 tiny sh -c 'cd /sys/fs/cgroup; echo "max=$(cat memory.max) $(cat pids.max)"'
X
)
check "the inner container's group is below the outer's" has_process "$group/docker/$(value "$seen" sleeper)"
check "no group of the inner container beside the outer's" test ! -e "$CG/docker/$(value "$seen" sleeper)"
is "the inner container's own limits" "$(value "$seen" max)" "67108864 50"
limits_hold pod "$group"
is "PID 1 is in the init group of its container" \
	"$(cat "/proc/$(docker inspect -f '{{.State.Pid}}' pod)/cgroup")" "0::${group#"$CG"}/init"
is "every controller is enabled" "$(group_words "$group/cgroup.subtree_control")" \
	"$(group_words "$group/cgroup.controllers")"
is "the host's root group has no new children" "$(root_groups)" "$groups_before"
is "the host's processes are where they were" "$(cat /proc/1/cgroup /proc/self/cgroup | sort -u)" 0::/
is "the cgroup mount's options are untouched" "$(cgroup_options)" "$options_before"
docker stop pod >/dev/null
check "no group is left" test ! -e "$group"
is "the cgroup mount's options are untouched afterwards" "$(cgroup_options)" "$options_before"
is "no loop device is left" "$(losetup -a)" ""
