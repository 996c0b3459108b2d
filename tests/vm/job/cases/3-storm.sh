# shellcheck shell=bash
# The container's root group is emptied while processes keep joining it: real ones of docker exec, and outsiders of
# another pid namespace that stay for 20 ms, as runc's first stages do. The latter read as 0 in cgroup.procs and cannot
# be moved from inside. The storm blows before dind-init's first instruction and until docker exec is seen
# to land in the new place. Each round is a full start: 20 under DIND_SOAK, else 2.

rounds=2
[[ $DIND_SOAK != 1 ]] || rounds=20

# outsiders GROUP: joins from the host until the stop file appears; counts who got in and who was refused
outsiders() {
	while [[ ! -e /run/storm.stop ]]; do
		(
			# A failed join is what the kernel answers once the group has controllers enabled.
			if { echo "$BASHPID" >"$1/cgroup.procs"; } 2>/dev/null; then
				echo in >>/run/storm.outsiders
				exec sleep 0.02
			fi
			echo refused >>/run/storm.outsiders
			exec sleep 0.1
		)
		sleep 0.01
	done
}

execs() {
	while [[ ! -e /run/storm.stop ]]; do
		docker exec "$1" cat /proc/self/cgroup >>/run/storm.execs 2>&1 || echo "failed: status $?" >>/run/storm.execs
		# dockerd gives its containerd 15 s to start: from here on leave it the processor.
		[[ ! -e /run/storm.calmer ]] || sleep 1
	done
}

count() { grep -c "$1" "$2"; }
seen_at_least() { (($(count "$1" "$2") >= $3)); }
nested_now() { [[ $(group_words "$1/cgroup.subtree_control") == "$(group_words "$1/cgroup.controllers")" ]]; }

usable() {
	ready "$1" || return 1
	is "an inner container has its limit" "$(inside "$1" <<-'X'
		docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
		docker run --rm -m 64m tiny cat /sys/fs/cgroup/memory.max
	X
	)" 67108864
}

# lingers GROUP: an outsider that is there at the first attempt, for certain, and leaves a little later
lingers() {
	local pid
	sleep 600 &
	pid=$!
	echo "$pid" >"$1/cgroup.procs" && echo in >>/run/storm.lingerer
	wait_until 30 test -d "$1/init"
	sleep 0.2
	kill "$pid"
}

round() {
	local name=storm$1 group jobs=() end
	rm -f /run/storm.*
	: >/run/storm.outsiders
	: >/run/storm.execs
	held "$name" || return 1
	group=$(container_cgroup "$name")
	outsiders "$group" &
	jobs+=($!)
	execs "$name" &
	jobs+=($!)
	execs "$name" &
	jobs+=($!)
	if wait_until 30 seen_at_least in /run/storm.outsiders 3 && wait_until 30 seen_at_least 0:: /run/storm.execs 2; then
		ok "round $1: the storm blows"
	else
		not_ok "round $1: the storm blows" "$(cat /run/storm.*)"
	fi
	if [[ $1 == 1 ]]; then
		lingers "$group" 2>/dev/null &
		jobs+=($!)
		check "round $1: an outsider sits in the root group" wait_until 10 test -s /run/storm.lingerer
	fi
	release "$name"
	end=$(uptime_seconds)
	if wait_until 30 nested_now "$group"; then
		touch /run/storm.calmer
		ok "round $1: every controller is enabled"
		note "seen after $(($(uptime_seconds) - end)) s, $(count '^in' /run/storm.outsiders) outsiders got in"
	else
		not_ok "round $1: every controller is enabled" "$(cat "$group/cgroup.subtree_control")"
		logs "$name"
	fi
	check "round $1: outsiders are refused now" wait_until 30 seen_at_least refused /run/storm.outsiders 2
	check "round $1: docker exec lands in init" wait_until 30 seen_at_least '^0::/init$' /run/storm.execs 2
	touch /run/storm.stop
	wait "${jobs[@]}"
	is "round $1: PID 1 is in init" "$(docker exec "$name" cat /proc/1/cgroup)" 0::/init
	is "round $1: the root group is empty" "$(wc -l <"$group/cgroup.procs")" 0
	is "round $1: every docker exec worked" "$(grep -cv '^0::/' /run/storm.execs)" 0 ||
		sort /run/storm.execs | uniq -c | sed 's/^/#   /' | head -n 8
	note "$(wc -l </run/storm.execs) of them"
	usable "$name"
	docker rm -fv "$name" >/dev/null
}

for ((r = 1; r <= rounds; r++)); do
	round $r
done
