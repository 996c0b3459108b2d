# shellcheck shell=bash
# A privileged container with its own cgroup namespace and no volume, the host's AppArmor in sight: the usual case.
#
# The host's docker-default is removed first and securityfs is mounted: only so can a nested engine of this version be
# caught loading a profile into the host's policy (it leaves one alone that is there already).

[[ $(grep -c '^docker-default ' "$SECURITY/profiles") == 0 ]] || printf docker-default >"$SECURITY/.remove"
is "the host has no docker-default at first" "$(grep -c '^docker-default ' "$SECURITY/profiles")" 0
policy_before=$(policy)
options_before=$(cgroup_options)
mounts_before=$(awk '{ print $5 }' /proc/self/mountinfo | sort)
dmesg -C

nested run box -v /sys/kernel/security:/sys/kernel/security -- --log-level debug >/dev/null || not_ok "docker run"
ready box || return 1
group=$(container_cgroup box)
# What `scripts/bench setup` sums up; there, machines without AppArmor or cgroup v2 leave half of it out.
note "control groups and security modules: $(docker logs box 2>&1 | sed -nE \
	's/.*step [0-9]+ (cgroup (hierarchy|namespace|nesting)|make writable|AppArmor policy|hide SELinux|confine|capabilities) took ([0-9]+) us.*/\1 \3/p' |
	awk '{ sum += $NF; words = words "; " $0 } END { print sum + 0 " us" words }') (emulated)"

seen=$(inside box <<'X'
echo "init=$(cat /proc/1/cgroup)"
echo "engine=$(cat "/proc/$(pidof dockerd)/cgroup")"
echo "exec=$(cat /proc/self/cgroup)"
echo "driver=$(docker info -f '{{.Driver}}')"
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run --rm -m 64m --cpus .5 --pids-limit 50 tiny sh -c '
	cd /sys/fs/cgroup
	for f in memory.max cpu.max pids.max; do echo "$f=$(cat $f)"; done
	echo "label=$(cat /proc/self/attr/current)"'
docker run --rm -m 64m tiny dd if=/dev/zero of=/dev/null bs=200M count=1 >/dev/null 2>&1
echo "hog=$?"
docker run -d --name stubborn tiny sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null
echo "stubborn=$(docker inspect -f '{{.Id}}' stubborn)"
X
)
is "PID 1 is in init" "$(value "$seen" init)" 0::/init
is "dockerd is in init" "$(value "$seen" engine)" 0::/init
is "docker exec lands in init" "$(value "$seen" exec)" 0::/init
is "no process is left in the container's root group" "$(wc -l <"$group/cgroup.procs")" 0
is "every controller is enabled" "$(group_words "$group/cgroup.subtree_control")" \
	"$(group_words "$group/cgroup.controllers")"
like "memory, cpu and pids are among them" "$(group_words "$group/cgroup.subtree_control")" 'cpu .*memory .*pids '
is "the inner containers' group is not threaded" "$(cat "$group/docker/cgroup.type")" domain
is "storage driver without a volume" "$(value "$seen" driver)" overlay2
is "inner memory.max" "$(value "$seen" memory.max)" 67108864
is "inner cpu.max" "$(value "$seen" cpu.max)" "50000 100000"
is "inner pids.max" "$(value "$seen" pids.max)" 50
is "an inner container beyond its memory limit is killed" "$(value "$seen" hog)" 137

stubborn=$(value "$seen" stubborn)
check "the inner container's group is below the container's" has_process "$group/docker/$stubborn"
is "the inner container's label, asked in it" "$(value "$seen" label)" 'docker-default (enforce)'
like "its label, as the host sees it" \
	"$(cat "/proc/$(head -n 1 "$group/docker/$stubborn/cgroup.procs")/attr/current")" \
	'^:dind-[0-9a-f]{12}:docker-default \(enforce\)$'
like "what dind-init reports" "$(docker logs box 2>&1)" 'confined by the docker-default of dind-[0-9a-f]{12}, a policy namespace'

like "the line of ready" "$(docker logs box 2>&1 | grep 'ready after')" \
	'limits hold, AppArmor docker-default, engine under a seccomp filter, host unchanged'

limits_hold box "$group"
like "a loop device holds the data root" "$(losetup -a)" 'data\.img'

# The container's grace is Docker's default, 10 s. 137 would mean that it was not enough.
start=$(date +%s%N)
docker stop box >/dev/null || not_ok "docker stop"
took=$((($(date +%s%N) - start) / 1000000))
note "docker stop took $took ms"
is "exit status after docker stop" "$(docker inspect -f '{{.State.ExitCode}}' box)" 0 || logs box
if ((took < 10000)); then ok "docker stop ended inside the grace"; else not_ok "docker stop ended inside the grace" "$took ms"; fi
check "no group is left" test ! -e "$group"
is "no loop device is left" "$(losetup -a)" ""
is "no mount is left" "$(awk '{ print $5 }' /proc/self/mountinfo | sort)" "$mounts_before"
is "the cgroup mount's options are untouched" "$(cgroup_options)" "$options_before"
is "the host's AppArmor policy is untouched" "$(policy)" "$policy_before"
is "the kernel logged no change of the host's policy" \
	"$(dmesg | grep 'apparmor="STATUS"' | grep -cv 'namespace="root//dind-')" 0
