# shellcheck shell=bash
# The nested engine's own AppArmor namespace: inner containers are confined by it, and the host's policy stays as it is,
# with and without a docker-default on the host, whatever text the nested engine's one has.

NAMESPACES=$SECURITY/policy/namespaces

namespaces() { (cd "$NAMESPACES" && find . -mindepth 1 -maxdepth 1 -type d | sort | tr '\n' ' '); }
own_namespace() { printf 'dind-%.12s\n' "$(container_id "$1")"; }
label() { tr -d '\0' <"/proc/$1/attr/current"; }
pid_of() { docker inspect -f '{{.State.Pid}}' "$1"; }
# the host's pid of a process named $2 that is in the namespace of container $1
pid_in() {
	local pid
	for pid in $(pgrep -x "$2"); do
		[[ $(label "$pid") != ":$(own_namespace "$1"):"* ]] || echo "$pid"
	done | head -n 1
}
changes_of_root() { dmesg | grep 'apparmor="STATUS"' | grep -cv 'namespace="root//dind-'; }

try_out() {
	inside "$1" <<'X'
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run --rm --cap-add SYS_ADMIN --security-opt seccomp=unconfined tiny sh -c '
	echo "label=$(cat /proc/self/attr/current)"
	mount -t tmpfs none /tmp 2>/run/error; echo "mount=$? $(cat /run/error)"
	true 2>/dev/null >/sentinel; cat /sentinel 2>/dev/null; echo "sentinel=$?"' 2>&1
docker run --rm --privileged tiny sh -c '
	echo "privileged=$(cat /proc/self/attr/current)"; mount -t tmpfs none /tmp; echo "privileged_mount=$?"' 2>&1
docker run --rm --security-opt apparmor=unconfined tiny sh -c 'echo "asked=$(cat /proc/self/attr/current)"' 2>&1
docker run -d --name stubborn tiny sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null
echo "exec=$(docker exec stubborn cat /proc/self/attr/current)"
X
}

# stop NAME: what docker stop leaves is what was there before
stopped() {
	local start took
	start=$(date +%s%N)
	docker stop "$1" >/dev/null || not_ok "docker stop"
	took=$((($(date +%s%N) - start) / 1000000))
	is "$1: exit status after docker stop" "$(docker inspect -f '{{.State.ExitCode}}' "$1")" 0 || logs "$1"
	if ((took < 10000)); then ok "$1: stopped inside the grace"; else not_ok "$1: stopped inside the grace" "$took ms"; fi
	is "$1: no namespace is left" "$(namespaces)" ""
	docker rm -fv "$1" >/dev/null
}

# round NAME: a nested engine whose docker-default has a text of its own, from start to stop
round() {
	local name=$1 seen namespace engine
	held "$name" || return 1
	inside "$name" <<<'echo "  deny /sentinel rw," >>/etc/apparmor.d/abstractions/base'
	release "$name"
	ready "$name" || return 1
	namespace=$(own_namespace "$name")
	is "$name: the host sees one namespace" "$(namespaces)" "./$namespace "
	engine=$(pid_in "$name" dockerd)
	is "$name: dockerd is in it" "$(label "${engine:-1}")" ":$namespace:unconfined"
	is "$name: PID 1 is not" "$(label "$(pid_of "$name")")" unconfined
	like "$name: the log says what confines inner containers" "$(docker logs "$name" 2>&1)" \
		"AppArmor: .*$namespace.*nothing of the host"
	# What scripts of packages ask before they load a profile (dh_apparmor).
	like "$name: docker exec does not find the host's policy" \
		"$(inside "$name" <<<'aa-enabled --quiet; echo "status $?"' 2>&1)" 'status [1-9]'
	seen=$(try_out "$name")
	is "$name: an inner container's label" "$(value "$seen" label)" "docker-default (enforce)"
	like "$name: it may not mount" "$(value "$seen" mount)" 'denied'
	is "$name: nor touch what only this docker-default denies" "$(value "$seen" sentinel)" 1
	is "$name: docker exec has the same label" "$(value "$seen" exec)" "docker-default (enforce)"
	is "$name: an inner --privileged one has none" "$(value "$seen" privileged)" unconfined
	is "$name: and may mount" "$(value "$seen" privileged_mount)" 0
	is "$name: none where that is asked for" "$(value "$seen" asked)" unconfined
	like "$name: the host sees the label in the namespace" "$(cat "$SECURITY/profiles")" \
		":$namespace:docker-default \(enforce\)"
	stopped "$name"
}

# ---- a host without docker-default, then one with

grep -q '^docker-default ' "$SECURITY/profiles" && printf docker-default >"$SECURITY/.remove"
policy_before=$(policy)
dmesg -C
round bare || return 1
is "bare: the host's policy is untouched" "$(policy)" "$policy_before"
is "bare: the kernel logged no change of it" "$(changes_of_root)" 0

docker run --rm tiny true
like "the host has docker-default now" "$(cat "$SECURITY/profiles")" '^docker-default '
policy_before=$(policy)
digest() { cat "$SECURITY"/policy/profiles/docker-default.*/raw_data | sha256sum; }
digest_before=$(digest)
dmesg -C
round usual || return 1
is "usual: the host's policy is untouched" "$(policy)" "$policy_before"
is "usual: docker-default's text is what it was" "$(digest)" "$digest_before"
is "usual: the kernel logged no change of it" "$(changes_of_root)" 0
is "the host's own containers have the host's docker-default" \
	"$(docker run --rm tiny sh -c 'true >/sentinel; cat /sentinel; echo $?')" 0

# ---- killed: the next one takes away what it left, and nothing that is alive

nested run killed -- >/dev/null
ready killed || return 1
left=$(own_namespace killed)
nested run alive -- >/dev/null
ready alive || return 1
is "one that starts beside it leaves it alone" "$(namespaces | tr ' ' '\n' | grep -c dind)" 2
docker kill killed >/dev/null
check "a killed one leaves its namespace" test -d "$NAMESPACES/$left"
nested run next -- >/dev/null
ready next || return 1
check "the next start removes it" test ! -e "$NAMESPACES/$left"
check "that of the living one stays" test -d "$NAMESPACES/$(own_namespace alive)"
like "and says so" "$(docker logs next 2>&1)" "removed the AppArmor namespace $left"
docker restart -t 0 next >/dev/null
ready next
is "a restart after a kill makes it anew" "$(label "$(pid_in next dockerd)")" ":$(own_namespace next):unconfined"
docker stop next alive >/dev/null
is "none is left" "$(namespaces)" ""
is "the host's policy is untouched" "$(policy)" "$policy_before"

# ---- COMMAND is in it, too; --apparmor

# shellcheck disable=SC2016  # expanded in the container
nested run asked -- sh -c 'echo "profile rig-test { file, }" | apparmor_parser -Kr
	echo "loaded=$(grep -c rig-test /sys/kernel/security/apparmor/profiles)"
	echo "name=$(cat /sys/kernel/security/apparmor/.ns_name)"' >/dev/null
wait_until "$READY_LIMIT" is_gone asked
said=$(docker logs asked 2>/dev/null)
is "COMMAND loads a profile" "$(value "$said" loaded)" 1 || logs asked
is "into the engine's namespace" "$(value "$said" name)" "$(own_namespace asked)"
is "and not into the host's policy" "$(policy)" "$policy_before"
is "no namespace is left" "$(namespaces)" ""
docker rm -fv asked >/dev/null

nested run off -- --apparmor off >/dev/null
ready off || return 1
is "off: no namespace" "$(namespaces)" ""
is "off: an inner container's label" "$(value "$(try_out off)" label)" unconfined
docker rm -fv off >/dev/null
nested run host -- --apparmor host >/dev/null
ready host || return 1
is "host: an inner container's label" "$(value "$(try_out host)" label)" "docker-default (enforce)"
is "host: no namespace" "$(namespaces)" ""
is "host: here the host's docker-default was there already" "$(policy)" "$policy_before"
docker rm -fv host >/dev/null

# ---- what is not there is not used

plan=$(docker run --rm --cap-add ALL --cap-drop MAC_ADMIN --security-opt apparmor=unconfined \
	--security-opt seccomp=unconfined -v /run/job/dind-init:/usr/local/bin/dind-init:ro --entrypoint dind-init nested plan 2>&1)
like "without CAP_MAC_ADMIN the engine is kept away" "$plan" 'no profile of their own \(CAP_MAC_ADMIN is missing\)'
plan=$(docker run --rm --privileged -v /run/job/dind-init:/usr/local/bin/dind-init:ro --entrypoint sh nested -c \
	'rm /sbin/apparmor_parser; exec dind-init plan' 2>&1)
like "without apparmor_parser it is told which package has it" "$plan" 'Debian: apparmor'
is "the host's policy is untouched at last" "$(policy)" "$policy_before"
