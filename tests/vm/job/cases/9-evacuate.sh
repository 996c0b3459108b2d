# shellcheck shell=bash
# PID 1 with a trivial engine, real controllers, and every 5 ms what `docker exec` does to the group (helper_storm):
# 300 times under DIND_SOAK, else 30. None may fail and none may spin; the median delay is printed.

evacuations=30
[[ $DIND_SOAK != 1 ]] || evacuations=300
# Emulated; what a round uses of the processor is mostly the program's own start.
cpu_limit_ms=2000

base=/run/evacuate
layer=$(docker inspect -f '{{.GraphDriver.Data.UpperDir}}' nested)
check "the nested image is one layer" test -d "$layer/usr"
[[ -x tests/helper_storm ]] || { skip "evacuations" "helper_storm was not given (--test)"; return 0; }
groups_before=$(root_groups)
# As an init system does; the engine does it with its first container.
sed 's/\([a-z_]*\)/+\1/g' "$CG/cgroup.controllers" >"$CG/cgroup.subtree_control" || note "not all controllers are to be had"

# A new root for each: nothing of the round before is there.
fresh_root() {
	mkdir -p "$base"
	mount -t tmpfs -o mode=755 evacuate "$base" || return
	mkdir -p "$base"/{upper/usr/local/bin,upper/opt/trivial,work,root}
	cp /run/job/dind-init "$base/upper/usr/local/bin/"
	cat >"$base/upper/opt/trivial/dockerd" <<-'X'
		#!/usr/bin/busybox sh
		case " $* " in *" --version "*) echo "Docker version 26.1.5, build 0"; exit ;; esac
		{ echo "cgroup=$(busybox cat /proc/self/cgroup)"; echo "on=$(busybox cat /sys/fs/cgroup/cgroup.subtree_control)"
		echo "given=$(busybox cat /sys/fs/cgroup/cgroup.controllers)"
		echo "type=$(busybox cat /sys/fs/cgroup/cgroup.type)"; } >/result.new
		busybox mv /result.new /result
		exec busybox sleep 600
	X
	printf '#!/usr/bin/busybox sh\nexec busybox sleep 600\n' >"$base/upper/opt/trivial/containerd"
	chmod 755 "$base"/upper/opt/trivial/*
	mount -t overlay -o "lowerdir=$layer,upperdir=$base/upper,workdir=$base/work" overlay "$base/root" || return
	mkdir -p "$base/root/var/lib/docker"
	mount -t tmpfs data "$base/root/var/lib/docker"
}

drop_root() { umount -R "$base/root" && umount "$base"; }

# one NUMBER: its line goes to /run/evacuations, what is wrong with it to /run/evacuations.bad
one() {
	local line log=/run/evacuate.log result
	fresh_root || { echo "round $1: no root" >>/run/evacuations.bad; return 1; }
	line=$(PATH=/opt/trivial:$PATH timeout 90 tests/helper_storm "$CG/evacuate-$1" "$base/root" result 5 60000 \
		/usr/local/bin/dind-init --storage as-is --apparmor off --log-level debug 2>"$log") || line+=" ended=no"
	result=$(cat "$base/root/result" 2>&1)
	line+=" nest_us=$(sed -n 's/.*step [0-9]* cgroup nesting took \([0-9]*\) us.*/\1/p' "$log" | head -n 1)"
	echo "$line" >>/run/evacuations
	if [[ $line == *ended=no* || $line != *" failed=0 "* || $(value "$result" cgroup) != 0::/init ||
		$(value "$result" type) != domain || $(words "$(value "$result" on)") != "$(words "$(value "$result" given)")" ]] ||
		grep -q DIND-CGROUP-05 "$log"; then
		{ echo "round $1: $line"; echo "$result"; grep -v 'loading plugin' "$log" | tail -n 20; } >>/run/evacuations.bad
	fi
	drop_root || { echo "round $1: the root stays" >>/run/evacuations.bad; return 1; }
}

: >/run/evacuations
: >/run/evacuations.bad
for ((round = 1; round <= evacuations; round++)); do
	one $round || break
	# One that fails is looked at; the others would say the same.
	[[ ! -s /run/evacuations.bad ]] || break
done

numbers() { sed -n "s/.*\\<$1=\\([0-9]*\\).*/\\1/p" /run/evacuations | sort -n; }
median() { numbers "$1" | awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : "none" }'; }
largest() { numbers "$1" | tail -n 1; }
total() { numbers "$1" | awk '{ n += $1 } END { print n + 0 }'; }

is "$evacuations evacuations, none of them failed" "$(wc -l </run/evacuations), $(head -n 40 /run/evacuations.bad)" "$evacuations, "
check "the storm blew: more than one a round got into the group before it was in order" test "$(total root)" -gt "$evacuations"
check "and later ones found the way into its leaf" test "$(total fallback)" -gt 0
check "none spun: at most $cpu_limit_ms ms of processor each" test "$(largest cpu_ms)" -le "$cpu_limit_ms"
note "median of the nesting $(median nest_us) us, largest $(largest nest_us) us;" \
	"from the first instruction to the engine's: median $(median delay_ms) ms, largest $(largest delay_ms) ms;" \
	"processor: median $(median cpu_ms) ms; $(total root) got in, $(total fallback) came after"
[[ $(numbers nest_us) ]] || note "no time of the nesting in the log:" "$(tail -n 12 /run/evacuate.log | cut -c1-200)"
is "no group is left" "$(root_groups)" "$groups_before"
