# shellcheck shell=bash
# Groups that cannot be prepared. What can really be produced, and only from outside the container:
# * a process of the host's pid namespace that joins the container's root group and stays. It reads as 0 in
#   cgroup.procs: nobody inside can move it, and no domain controller can be enabled while it is there.
# * cgroup.max.descendants=0, set by the owner of the container's group: no group can be made below it (EAGAIN).
# (A process of the container that keeps moving itself back was not chosen: whether it wins is a race.)
# The attempt must end, soon, and the log must say what was in the way. Inner containers run without limits when a
# process was in the way, so the start goes on; they cannot run where no group can be made.

# names NAME WHAT REGEX: one line of the log, in time
names() {
	local start
	start=$(uptime_seconds)
	said() { docker logs "$1" 2>&1 | grep -Eq "$2"; }
	if wait_until 30 said "$1" "$3"; then
		ok "$2: the log names it"
		note "after $(($(uptime_seconds) - start)) s: $(docker logs "$1" 2>&1 | grep -E "$3" | head -n 1 | cut -c1-300)"
	else
		not_ok "$2: the log names it" "want: $3"
		logs "$1"
	fi
}

held resident || return 1
sleep 600 &
resident=$!
echo "$resident" >"$(container_cgroup resident)/cgroup.procs" || not_ok "the outsider joins"
release resident
names resident "a process of another pid namespace" 'DIND-CGROUP-05.*pid namespace'
ready resident && is "an inner container runs, without limits" "$(inside resident <<'X'
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run --rm tiny echo it runs
X
)" "it runs"
check "the outsider was left alone" kill -0 "$resident"
kill "$resident"
wait "$resident" 2>/dev/null
docker rm -fv resident >/dev/null

held barren || return 1
echo 0 >"$(container_cgroup barren)/cgroup.max.descendants" || not_ok "the limit is set"
release barren
names barren "no group may be made" \
	'DIND-CGROUP-05.*/sys/fs/cgroup/init.*(EAGAIN|temporarily unavailable|cgroup\.max\.descendants)'
is "and the start ends, because no inner container could run" "$(timeout 30 docker wait barren)" 71
