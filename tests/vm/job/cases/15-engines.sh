# shellcheck shell=bash
# Every nested engine that there is an image of (20.10.5, 20.10.24, 26.1.5, 28.5.2): ten of each come and go with and without
# docker-default on the host, and the host's policy stays what it was; and the limits of the outer container hold, with the
# host's cgroup namespace and with its own.

comings=10
[[ $DIND_SOAK == 1 ]] || comings=1

changes_of_root() { dmesg | grep 'apparmor="STATUS"' | grep -cv 'namespace="root//dind-'; }

# visit NAME: a nested engine comes, runs a container that its docker-default confines, and goes
visit() {
	nested run "$1" -v /var/lib/docker -- >/dev/null || { not_ok "docker run"; return 1; }
	ready "$1" || return 1
	is "$1: an inner container's label" "$(inside "$1" <<'X'
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run --rm tiny cat /proc/self/attr/current
X
	)" "docker-default (enforce)"
	docker stop "$1" >/dev/null
	is "$1: exit status after docker stop" "$(docker inspect -f '{{.State.ExitCode}}' "$1")" 0 || logs "$1"
	docker rm -fv "$1" >/dev/null
}

# visits NAME: all of them, and what is left of them
visits() {
	local before i
	before=$(policy)
	dmesg -C
	for ((i = 1; i <= comings; i++)); do
		visit "$1-$i" || break
	done
	is "$1: the host's policy is untouched" "$(policy)" "$before"
	is "$1: the kernel logged no change of it" "$(changes_of_root)" 0
	is "$1: no namespace is left" "$(find "$SECURITY/policy/namespaces" -mindepth 1 -maxdepth 1 -type d)" ""
}

# limited NAME OPTION...: the limits, and what is left
limited() {
	local name=$1 group groups_before
	groups_before=$(root_groups)
	nested run "$name" -v /var/lib/docker "${@:2}" -- >/dev/null || { not_ok "docker run"; return 1; }
	ready "$name" || return 1
	group=$(container_cgroup "$name")
	inside "$name" <<<"docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null"
	limits_hold "$name" "$group"
	is "$name: the host's root group has no new children" "$(root_groups)" "$groups_before"
	docker rm -fv "$name" >/dev/null
	check "$name: no group is left" test ! -e "$group"
}

docker run --rm tiny true
mapfile -t suites < <(docker images --format '{{.Tag}}' nested | grep -v latest | sort)
is "there are images of every engine" "${suites[*]}" "bookworm bullseye sid trixie"
for suite in "${suites[@]}"; do
	NESTED=nested:$suite
	note "$suite: $(docker run --rm "$NESTED" dockerd --version)"
	printf docker-default >"$SECURITY/.remove"
	visits "$suite-bare"
	docker run --rm tiny true
	like "the host has docker-default now" "$(cat "$SECURITY/profiles")" '^docker-default '
	visits "$suite-usual"
	limited "$suite-private"
	limited "$suite-host" --cgroupns=host
done
