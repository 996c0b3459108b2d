# shellcheck shell=bash
# An engine in an engine in an engine, each with a policy namespace in that of the one around it and with groups below
# its container's; and what moby's hack/dind is for, without an engine of ours.

SEEN_BY_HOST=$SECURITY/policy/namespaces
below() { (cd "$1" && find . -mindepth 1 -maxdepth 1 -type d | sort | tr '\n' ' '); }

policy_before=$(policy)
dmesg -C
nested run outer -v /var/lib/docker -- >/dev/null || { not_ok "docker run"; return 1; }
ready outer || return 1
upper=$(printf 'dind-%.12s' "$(container_id outer)")

# The second level has the programs of the first one, from where they are.
seen=$(timeout -k 5 $((START_LIMIT + READY_LIMIT)) /usr/bin/docker exec -i outer /bin/bash -s "$READY_LIMIT" <<'X'
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run -d --privileged --name inner --hostname inner -m 1g -e "DIND_READY_TIMEOUT=$1" -e PATH=/usr/local/bin:/usr/sbin:/usr/bin \
	-v /usr:/usr -v /usr/bin:/bin -v /usr/sbin:/sbin -v /usr/lib:/lib -v /usr/lib64:/lib64 -v /etc:/etc -v /opt:/opt \
	--tmpfs /tmp --tmpfs /run:exec -v /var/lib/docker tiny dind-init >/dev/null || exit
echo "ready=$(docker exec inner dind-init ready --timeout "$1" 2>&1 | tail -n 1)"
docker logs inner 2>&1 | grep -v 'loading plugin' | tail -n 30 >/run/inner.log
echo "id=$(docker inspect -f '{{.Id}}' inner)"
docker exec -i inner bash -s <<'Y'
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run --rm -m 64m tiny sh -c 'echo "label=$(cat /proc/self/attr/current)"; echo "memory=$(cat /sys/fs/cgroup/memory.max)"'
docker run --rm --cap-add SYS_ADMIN --security-opt seccomp=unconfined tiny mount -t tmpfs none /tmp 2>&1 | sed 's/^/mount=/'
docker run -d --name stubborn tiny sh -c 'trap "" TERM; while :; do sleep 1; done' | sed 's/^/stubborn=/'
Y
X
)
lower=$(printf 'dind-%.12s' "$(value "$seen" id)")
check "the second level's engine is ready" test -n "$(value "$seen" stubborn)" ||
	{ printf '%s\n' "$seen" | sed 's/^/#   /'; docker exec outer cat /run/inner.log | cut -c1-300 | sed 's/^/#   log: /'; }
is "an inner container's label, asked in it" "$(value "$seen" label)" "docker-default (enforce)"
is "its limit" "$(value "$seen" memory)" 67108864
like "it may not mount" "$(value "$seen" mount)" 'denied'
is "the host sees one namespace" "$(below "$SEEN_BY_HOST")" "./$upper "
is "and in it the other" "$(below "$SEEN_BY_HOST/$upper/namespaces")" "./$lower "
group=$(container_cgroup outer)/docker/$(value "$seen" id)/docker/$(value "$seen" stubborn)
check "its group is below both containers'" has_process "$group"
is "its label, as the host sees it" "$(tr -d '\0' <"/proc/$(head -n 1 "$group/cgroup.procs")/attr/current")" \
	":$upper//$lower:docker-default (enforce)"
docker exec outer timeout "$CALL_LIMIT" docker stop inner >/dev/null || not_ok "docker stop of the second level"
is "its exit status" "$(docker exec outer docker inspect -f '{{.State.ExitCode}}' inner)" 0
is "its namespace is gone" "$(below "$SEEN_BY_HOST/$upper/namespaces")" ""
docker stop outer >/dev/null || not_ok "docker stop"
is "exit status after docker stop" "$(docker inspect -f '{{.State.ExitCode}}' outer)" 0 || logs outer
docker rm -fv outer >/dev/null
is "no namespace is left" "$(below "$SEEN_BY_HOST")" ""
is "the host's policy is untouched" "$(policy)" "$policy_before"
is "the kernel logged no change of it" "$(dmesg | grep 'apparmor="STATUS"' | grep -cv 'namespace="root//dind-')" 0

# ---- dind CMD: prepares, and execs in its own place; a second time there is nothing to do

seen=$(docker run --rm --privileged -v "$(program):/usr/local/bin/dind:ro" --entrypoint dind nested bash -c '
	echo "pid=$$"; echo "group=$(cat /proc/self/cgroup)"
	echo "on=$(cat /sys/fs/cgroup/cgroup.subtree_control)"; echo "given=$(cat /sys/fs/cgroup/cgroup.controllers)"
	echo "left=$(wc -l </sys/fs/cgroup/cgroup.procs)"; echo "tmp=$(findmnt -n -o FSTYPE /tmp)"
	dind sh -c "echo again=\$(cat /proc/self/cgroup)"; echo "status=$?"' 2>&1)
is "dind CMD: CMD is PID 1" "$(value "$seen" pid)" 1 || printf '%s\n' "$seen" | sed 's/^/#   /'
is "dind CMD: in init" "$(value "$seen" group)" 0::/init
is "dind CMD: every controller is enabled" "$(words "$(value "$seen" on)")" "$(words "$(value "$seen" given)")"
is "dind CMD: nobody is left in the root group" "$(value "$seen" left)" 0
is "dind CMD: /tmp is a tmpfs" "$(value "$seen" tmp)" tmpfs
is "dind CMD: again" "$(value "$seen" again)" 0::/init
is "dind CMD: status" "$(value "$seen" status)" 0
