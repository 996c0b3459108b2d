# shellcheck shell=bash
# One privilege withheld that only this kernel has to give: AppArmor, a writable cgroup tree, cgroup namespaces. The rule is
# that of scripts/privilege-table, which takes the lines "row|…": it works, or says what does not, or ends with 77 and a flag.
# shellcheck disable=SC2034,SC2154 # of privileges.bash

IMAGE=nested
WORK=/run/withheld
mkdir -p "$WORK"
cp /opt/rig/tiny.tar "$WORK/bb.tar"
PRIVILEGE_RUN=(-e "DIND_READY_TIMEOUT=$READY_LIMIT" -v /var/lib/docker
	-v /run/job/dind-init:/usr/local/bin/dind-init:ro)
# A nested engine, four containers in it and a build.
docker() { timeout -k 5 400 /usr/bin/docker "$@"; }
# shellcheck source=/dev/null
. ./privileges.bash

lost() {
	local use words=''
	for use in $PRIVILEGE_ALL; do
		[[ " $uses " == *" $use "* ]] || words+="${words:+, }$use"
	done
	echo "${words:--}"
}

# row TITLE WHAT WORD OUTCOME [docker option...]: runs it, asserts the rule and the outcome
row() {
	local title=$1 what=$2 word=$3 want=$4
	shift 4
	privilege_try "$what" "$@"
	if privilege_outcome "$word"; then ok "$title: the rule holds"; else
		not_ok "$title: the rule holds" "works: $uses" "said: $said" "$(tail -n 12 "$WORK/privilege.err")"
	fi
	is "$title: outcome" "$outcome" "$want" || tail -n 12 "$WORK/privilege.err" | sed 's/^/#   /'
	[[ $outcome != refused ]] || uses=$PRIVILEGE_ALL # nothing was tried
	echo "row|$title|${outcome/refused/refused, status 77}|${driver:--}|$(lost)|$(privilege_line "$word" | tr '|' '/')"
}

PRIVILEGE_BASE=''
privilege_try none
is "with every privilege all of it works" "$status/$uses" "0/$PRIVILEGE_ALL" || tail -n 12 "$WORK/privilege.err"
PRIVILEGE_BASE=$said
row 'AppArmor: the docker-default of the host' unprivileged apparmor refused --cap-add ALL --security-opt seccomp=unconfined
row 'writable /sys/fs/cgroup (v2)' cgroup cgroup works

# The host's tree and no namespace to be had: the limits hold by --cgroup-parent.
namespaces=$(cat /proc/sys/user/max_cgroup_namespaces)
groups_before=$(root_groups)
echo 0 >/proc/sys/user/max_cgroup_namespaces
nested run shared --cgroupns=host -m 300m --cpus .9 --pids-limit 1000 -v /var/lib/docker -- --mirror-limits -- \
	busybox sh -c 'until [ -e /go ]; do busybox sleep 1; done; exec docker run --rm tiny dd if=/dev/zero of=/dev/null bs=400M count=1' \
	>/dev/null || not_ok "docker run"
ready shared
group=$(container_cgroup shared)
like "the report says how inner containers are kept" "$(docker logs shared 2>&1)" 'DIND-CGROUP-13.*--cgroup-parent=/docker/'
seen=$(inside shared <<'X'
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run -d --name sleeper -m 64m tiny sleep 1000 >/dev/null
echo "sleeper=$(docker inspect -f '{{.Id}}' sleeper)"
docker run --rm -m 64m tiny dd if=/dev/zero of=/dev/null bs=200M count=1 >/dev/null 2>&1
echo "hog=$?"
docker exec sleeper echo "exec=yes"
docker run --rm --pids-limit 50 tiny sh -c 'cd "/sys/fs/cgroup/$(sed -n s,^0::/,,p /proc/self/cgroup)" &&
	echo "mirrored=$(cat memory.max) $(cat cpu.max) $(cat pids.max)"'
X
)
check "the inner container is below our own group" has_process "$group/docker/$(value "$seen" sleeper)"
is "its limit" "$(cat "$group/docker/$(value "$seen" sleeper)/memory.max")" 67108864
is "it holds" "$(value "$seen" hog)" 137
is "docker exec works" "$(value "$seen" exec)" yes
is "--mirror-limits: an inner container has what it lacks, and keeps what it has" "$(value "$seen" mirrored)" \
	"314572800 90000 100000 50"
is "every controller is enabled in our group" "$(group_words "$group/cgroup.subtree_control")" \
	"$(group_words "$group/cgroup.controllers")"
# What is killed by hand a moment after an inner container died of its own limit did not run out of memory.
inside shared <<'X'
kill -9 "$(pidof containerd)"
X
said() { docker logs "$1" 2>&1 | grep -Eq "$2"; }
check "containerd, by hand, is not blamed on the inner container's limit" wait_until 30 said shared \
	'containerd was killed by SIGKILL, starting it again'
check "it is back" wait_until "$CALL_LIMIT" docker exec shared docker run --rm tiny true
inside shared <<<'touch /go'
check "an inner container of COMMAND's beyond our limit is killed" wait_until "$CALL_LIMIT" is_gone shared
is "exit status" "$(docker inspect -f '{{.State.ExitCode}}' shared)" 137 || logs shared
# The group that shows at /sys/fs/cgroup is the host's, which has no such limit.
like "and the limit is named, which is read from our own group" "$(docker logs shared 2>&1)" \
	'DIND-COMMAND-02.*out of memory, the limit is 300.0 MiB'
check "no group is left" test ! -e "$group"
is "the host's root group has no new children" "$(root_groups)" "$groups_before"
echo "$namespaces" >/proc/sys/user/max_cgroup_namespaces
rm -rf "$WORK"
true
