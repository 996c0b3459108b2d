# shellcheck shell=bash
# Sourced by run.sh and, through it, by every case: TAP output, bounded waits, nested containers.

readonly CG=/sys/fs/cgroup
readonly SECURITY=/sys/kernel/security/apparmor
# Everything is 10 to 30 times slower under emulation than on a machine; these are bounds, not expectations. What runs for
# hours will not always have a processor of its own.
patience=1
[[ $DIND_SOAK != 1 ]] || patience=4
readonly START_LIMIT=$((60 * patience)) READY_LIMIT=$((150 * patience)) CALL_LIMIT=$((90 * patience))

# One letter per assertion (o, n, s); a file, because every case runs in a subshell.
RESULTS=/run/rig.results

note() { printf '# %s\n' "$@"; }

uptime_seconds() { cut -d. -f1 /proc/uptime; }

_result() {
	printf '%s' "$1" >>"$RESULTS"
	printf '%s %d - %s\n' "$2" "$(wc -c <"$RESULTS")" "$3"
}

ok() { _result o ok "$CASE: $1"; }
not_ok() {
	_result n "not ok" "$CASE: $1"
	shift
	(($# == 0)) || printf '%s\n' "$@" | sed 's/^/#   /'
	return 1
}
# skip WHAT WHY
skip() { _result s ok "$CASE: $1 # SKIP $2"; }

# is WHAT GOT WANT
is() {
	if [[ $2 == "$3" ]]; then ok "$1${2:+ (${2%%$'\n'*})}"; else not_ok "$1" "got:  $2" "want: $3"; fi
}

# like WHAT GOT REGEX
like() {
	if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "got:  $(tail -n 8 <<<"$2" | cut -c1-300)" "want: $3"; fi
}

# check WHAT COMMAND...: the command's success is asserted, its output is shown when it fails.
check() {
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "status $? of: $*" "$out"; fi
}

# wait_until SECONDS COMMAND...
wait_until() {
	local end=$(($(uptime_seconds) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		(($(uptime_seconds) < end)) || return 1
		sleep 0.2
	done
}

docker() { timeout -k 5 "$CALL_LIMIT" /usr/bin/docker "$@"; }

# value TEXT KEY: the value of a "key=value" line
value() { sed -n "s/^$2=//p" <<<"$1"; }

words() { tr ' ' '\n' <<<"$1" | sed '/^$/d' | sort | tr '\n' ' '; }

container_id() { docker inspect -f '{{.Id}}' "$1"; }
container_cgroup() { printf '%s/docker/%s\n' "$CG" "$(container_id "$1")"; }
is_running() { [[ $(docker inspect -f '{{.State.Running}}' "$1") == true ]]; }
is_gone() { [[ $(docker inspect -f '{{.State.Running}}' "$1") == false ]]; }

# The image of nested containers, "nested" or "nested:SUITE"; what is older than the program's own C library has one of
# its own (tests/vm/run --binary-for).
NESTED=nested
program() { if [[ -x /run/job/dind-init.${NESTED#*:} ]]; then echo "/run/job/dind-init.${NESTED#*:}"; else echo /run/job/dind-init; fi; }

# nested run|create NAME [OPTION...] -- [ARGUMENT...]: a privileged container with dind-init as PID 1
nested() {
	local verb=$1 name=$2 options=()
	shift 2
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	[[ $verb == create ]] || options+=(-d)
	docker "$verb" --privileged --name "$name" --hostname "$name" -e "DIND_READY_TIMEOUT=$READY_LIMIT" \
		-v "$(program):/usr/local/bin/dind-init:ro" --entrypoint dind-init "${options[@]}" "$NESTED" "$@"
}

# held NAME [OPTION...] [-- ARGUMENT...]: a nested container whose PID 1 waits for release NAME and then becomes
# dind-init. What a test arranges between the two is there before dind-init's first instruction.
held() {
	local name=$1 options=()
	shift
	while (($#)) && [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift $(($# > 0))
	mkdir -p "/run/held/$name"
	docker run -d --privileged --name "$name" --hostname "$name" -e "DIND_READY_TIMEOUT=$READY_LIMIT" \
		-v "$(program):/usr/local/bin/dind-init:ro" -v "/run/held/$name:/held" "${options[@]}" "$NESTED" \
		busybox sh -c 'until [ -e /held/go ]; do busybox usleep 50000; done; exec dind-init "$@"' held "$@" \
		>/dev/null 2>/run/held.err && wait_until "$START_LIMIT" is_running "$name" && return
	not_ok "docker run of $name" "$(cat /run/held.err)"
}
release() { touch "/run/held/$1/go"; }

# ready NAME: asserts that the nested engine answers
ready() {
	local start out
	start=$(uptime_seconds)
	wait_until "$START_LIMIT" is_running "$1"
	if out=$(timeout $((READY_LIMIT + 10)) /usr/bin/docker exec "$1" dind-init ready --timeout "$READY_LIMIT" 2>&1); then
		ok "the nested engine is ready"
		note "after $(($(uptime_seconds) - start)) s"
	else
		not_ok "the nested engine is ready" "$out"
		logs "$1"
		return 1
	fi
}

# logs NAME: the end of a container's log, without containerd's long roll call
logs() { docker logs --tail 200 "$1" 2>&1 | grep -v 'loading plugin' | tail -n 25 | cut -c1-300 | sed 's/^/#   log: /'; }

# inside NAME: runs the script on stdin in the container
inside() { docker exec -i "$1" /bin/bash -s; }

# A file of cgroupfs always has the size 0.
has_process() { grep -q . "$1/cgroup.procs"; }

# words of a file of a group, sorted
group_words() { words "$(cat "$1")"; }

# runc drops these options of the host's mount when it mounts cgroup2 for a container in the host's cgroup namespace
# (opencontainers/runc#5258). Set again, they tell whether dind-init drops them.
restore_cgroup_options() { mount -o remount,nsdelegate,memory_recursiveprot "$CG"; }
cgroup_options() { awk '$3 == "cgroup2" && $2 == "/sys/fs/cgroup" { print $4 }' /proc/mounts; }
root_groups() { (cd "$CG" && find . -mindepth 1 -maxdepth 1 -type d | sort | tr '\n' ' '); }

stat_of() { awk -v key="$2" '$1 == key { print $2 }' "$1"; }

# limits_hold NAME GROUP: gives the outer container, whose group is GROUP, 300 MB, half a processor and 200 processes and
# tries to pass each of them from inner containers that have no limit of their own. They need the image "tiny".
limits_hold() {
	local name=$1 group=$2 seen used start forked
	docker update -m 300m --memory-swap 300m --cpus .5 --pids-limit 200 "$name" >/dev/null || not_ok "docker update"
	start=$(date +%s%N)
	used=$(stat_of "$group/cpu.stat" usage_usec)
	# Half of an emulated processor: longer than one call may take.
	seen=$(timeout -k 5 $((400 * patience)) /usr/bin/docker exec -i "$name" /bin/bash -s <<'X'
docker run --rm tiny dd if=/dev/zero of=/dev/null bs=400M count=1 >/dev/null 2>&1
echo "hog=$?"
# not as PID 1, which no signal of its own pid namespace ends
docker run --rm tiny sh -c 'timeout 6 sh -c "while :; do :; done"; true' >/dev/null 2>&1
docker run --rm tiny sh -c 'i=0; while [ $i -lt 300 ]; do sleep 600 & i=$((i + 1)); echo $i; done' 2>/dev/null | tail -n 1 |
	sed 's/^/forked=/'
X
	)
	used=$((($(stat_of "$group/cpu.stat" usage_usec) - used) * 1000))
	start=$(($(date +%s%N) - start))
	is "400 MB in an inner container without a limit do not fit the outer's 300" "$(value "$seen" hog)" 137
	like "the outer container's group counted it" "$(tr '\n' ' ' <"$group/memory.events")" 'oom_kill [1-9]'
	like "the inner container's group was counted in it" "$(cat "$group/memory.max") $(cat "$group/cpu.max")" '^314572800 50000 '
	# 100 ms are one period of the quota.
	if ((used <= start / 2 + 100000000)); then
		ok "all of them together had half a processor"
	else
		not_ok "all of them together had half a processor" "$((used / 1000000)) ms in $((start / 1000000))"
	fi
	check "some were held back for it" test "$(stat_of "$group/cpu.stat" nr_throttled)" -gt 0
	forked=$(value "$seen" forked)
	if [[ $forked ]] && ((forked < 200)); then
		ok "an inner container cannot have 200 processes ($forked)"
	else
		not_ok "an inner container cannot have 200 processes" "$seen"
	fi
	# From Linux 6.11 on a refusal counts where the limit is; before, where the fork was: in a group that is gone by now.
	if [[ $(printf '%s\n' 6.11 "$(uname -r)" | sort -V | head -n 1) == 6.11 ]]; then
		check "the outer container's group refused them" test "$(stat_of "$group/pids.events" max)" -gt 0
	fi
	docker update -m 2g --memory-swap 2g --cpus 1 --pids-limit -1 "$name" >/dev/null || not_ok "docker update, back"
	check "the outer container lives on" is_running "$name"
}

# AppArmor's policy of this host: its revision and its profiles. (A read of revision blocks at its end.)
policy() {
	printf 'revision %s; ' "$(timeout "$CALL_LIMIT" dd if="$SECURITY/revision" bs=64 count=1 2>/dev/null | tr '\n' ' ')"
	# the root's: namespaces have names of their own in front, and a killed engine's goes with the next start
	grep -v '^:' "$SECURITY/profiles" | tr '\n' ';'
}

# hand_out DIRECTORY/NAME <FILE: a file for tests/vm/run --capture
hand_out() {
	local text
	text=$(gzip -9n | base64 -w 120)
	printf 'RIG-FILE-BEGIN %s\n%s\nRIG-FILE-END\n' "$1" "$text"
}
