# shellcheck shell=bash disable=SC2016
# A pod's privileged container, as Kubernetes has containerd make it: in the host's cgroup namespace, the whole tree in sight, and
# its group two levels below the root, in one that has limits of its own. No Docker outside.

POD=$CG/kubepods/pod7
GROUP=$POD/engine
base=/run/pod
exec_id=0
# in_pod COMMAND...
in_pod() { timeout -k 5 "$((READY_LIMIT + 10))" ctr task exec --exec-id "e$((++exec_id))-$BASHPID" pod "$@"; }
bind() { echo "type=bind,src=$1,dst=$2,options=rbind:rw"; }
layer=$(docker inspect -f '{{.GraphDriver.Data.UpperDir}}' nested)

mkdir -p "$POD" "$base" /var/lib/pod
# As the kubelet does; its own groups are made before the first pod.
for group in "$CG" "$CG/kubepods" "$POD"; do
	echo '+cpu +memory +pids' >"$group/cgroup.subtree_control" || not_ok "controllers in $group"
done
echo 200 >"$POD/pids.max"
groups_before=$(root_groups)
mount -t tmpfs pod "$base"
mkdir -p "$base"/{upper/usr/local/bin,work,root}
cp /run/job/dind-init "$base/upper/usr/local/bin/"
mount -t overlay -o "lowerdir=$layer,upperdir=$base/upper,workdir=$base/work" overlay "$base/root" || not_ok "the root"
(
	ctr run --privileged --cgroup "${GROUP#"$CG"}" --memory-limit 314572800 --env "DIND_READY_TIMEOUT=$READY_LIMIT" \
		--env PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --mount "$(bind /var/lib/pod /var/lib/docker)" \
		--mount type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=rw:nosuid:noexec:nodev --rootfs "$base/root" pod \
		dind-init --mirror-limits --stop-timeout 25 >"$base/log" 2>&1
	echo "$?" >"$base/status"
) &
# One call that waits: each ctr is seconds of an emulated processor.
is_ready() { wait_until "$START_LIMIT" test -s "$base/log" && in_pod dind-init ready --timeout "$READY_LIMIT"; }
if check "the engine is ready" is_ready; then
	like "it saw the host's tree and made a namespace" "$(cat "$base/log")" 'cgroup v2, in a namespace of our own'
	like "and says that the limit holds" "$(cat "$base/log")" '\(memory: 300.0 MiB\) hold for all inner containers'
	in_pod docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
	sleeper=$(in_pod docker run -d --name sleeper tiny sleep 1000)
	check "the inner container's group is below the pod's" has_process "$GROUP/docker/$sleeper"
	is "it was given the pod's memory limit" "$(cat "$GROUP/docker/$sleeper/memory.max")" 314572800
	is "and the limit of processes, which is one of a group above" "$(cat "$GROUP/docker/$sleeper/pids.max")" 200
	is "one that has more is killed" "$(in_pod docker run --rm -m 2g tiny sh -c \
		'dd if=/dev/zero of=/dev/null bs=400M count=1 2>/dev/null; echo $?')" 137
	check "by the pod's limit" test "$(stat_of "$GROUP/memory.events" oom)" -gt 0
	is "PID 1 is in the leaf of the pod's group" "$(cat "/proc/$(ctr task ls | awk '$1 == "pod" { print $2 }')/cgroup")" \
		"0::${GROUP#"$CG"}/init"
	is "the host's root group has no new children" "$(root_groups)" "$groups_before"
	ctr task kill -s TERM pod
	check "it stops" wait_until 60 test -s "$base/status"
	is "exit status" "$(cat "$base/status")" 0
	check "no group is left" test ! -e "$GROUP"
fi
[[ $(cat "$base/status" 2>&1) == 0 ]] || grep -v 'loading plugin' "$base/log" | tail -n 30 | cut -c1-300 | sed 's/^/#   log: /'
[[ -s $base/status ]] || ctr task kill -s KILL pod
wait_until 30 test -s "$base/status"
rmdir "$POD" "$CG/kubepods"
restore_cgroup_options
umount -R "$base/root" "$base"
