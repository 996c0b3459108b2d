# shellcheck shell=bash
# Every nested engine that there is an image of (20.10.5, 20.10.24, 26.1.5, 28.5.2): ten of each come and go with and without
# docker-default on the host, and the host's policy stays what it was; and the limits of the outer container hold, with the
# host's cgroup namespace and with its own.

comings=10
[[ $DIND_SOAK == 1 ]] || comings=1

policy_changes() { dmesg | grep 'apparmor="STATUS"'; }
changes_of_root() { policy_changes | grep -cv 'namespace="root//dind-'; }
# in how many namespaces an engine has loaded its docker-default
loads() { policy_changes | sed -n 's|.*operation="profile_load".* name="docker-default".*|&|p' | grep -o 'namespace="[^"]*"' | sort -u | wc -l; }
namespaces() { (cd "$SECURITY/policy/namespaces" && find . -mindepth 1 -maxdepth 1 -type d | sort | tr '\n' ' '); }

# visit NAME: a nested engine comes, runs a container that its docker-default confines, and is stopped
visit() {
	nested run "$1" -v /var/lib/docker -- >/dev/null || { not_ok "docker run"; return 1; }
	ready "$1" || { docker rm -fv "$1" >/dev/null; return 1; }
	is "$1: an inner container's label" "$(inside "$1" <<'X'
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run --rm tiny cat /proc/self/attr/current
X
	)" "docker-default (enforce)"
	is "$1: the host sees one namespace" "$(namespaces)" "$(printf './dind-%.12s ' "$(container_id "$1")")"
	docker stop "$1" >/dev/null
	is "$1: exit status after docker stop" "$(docker inspect -f '{{.State.ExitCode}}' "$1")" 0 || logs "$1"
	docker rm -fv "$1" >/dev/null
}

# job NAME: a nested engine comes, a command has it, and both are gone: what is needed of it in one call of docker.
job() {
	local out
	# shellcheck disable=SC2016 # $0 is for the shell in there
	if out=$(timeout -k 5 $((READY_LIMIT + CALL_LIMIT)) /usr/bin/docker run --rm --privileged --name "$1" -v /var/lib/docker \
		-e "DIND_READY_TIMEOUT=$READY_LIMIT" -v "$(program):/usr/local/bin/dind-init:ro" --entrypoint dind-init "$NESTED" \
		-- sh -c 'echo "it-$0"' came 2>&1); then
		like "$1: came and went" "$out" it-came
	else
		not_ok "$1: came and went" "$(tail -n 25 <<<"$out" | cut -c1-300)"
		docker rm -fv "$1" >/dev/null 2>&1
	fi
}

# rounds NAME: in each round one of every engine comes and goes
rounds() {
	local name=$1 before i loaded=0 changed=0 start
	before=$(policy)
	start=$(uptime_seconds)
	for ((i = 1; i <= comings; i++)); do
		dmesg -C # its buffer does not hold all rounds
		for suite in "${suites[@]}"; do
			NESTED=nested:$suite
			if ((i == 1)); then visit "$suite-$name-$i"; else job "$suite-$name-$i"; fi
		done
		loaded=$((loaded + $(loads)))
		changed=$((changed + $(changes_of_root)))
		is "$name: the host's policy is untouched after $i of each engine" "$(policy)" "$before"
	done
	is "$name: the kernel logged no change of it" "$changed" 0
	is "$name: each engine has loaded its docker-default into a namespace of its own" "$loaded" $((comings * ${#suites[@]}))
	is "$name: no namespace is left" "$(namespaces)" ""
	note "$name: $comings of each in $(($(uptime_seconds) - start)) s"
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

suites=(bullseye bookworm trixie sid)
docker run --rm tiny true
is "there are images of every engine" "$(words "$(docker images --format '{{.Tag}}' nested | grep -v latest)")" "$(words "${suites[*]}")"
printf docker-default >"$SECURITY/.remove"
rounds bare
docker run --rm tiny true
like "the host has docker-default now" "$(cat "$SECURITY/profiles")" '^docker-default '
rounds usual
for suite in "${suites[@]}"; do
	NESTED=nested:$suite
	note "$suite: $(docker run --rm "$NESTED" dockerd --version)"
	limited "$suite-private"
	limited "$suite-host" --cgroupns=host
done
