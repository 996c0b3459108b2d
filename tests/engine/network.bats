#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The inner network on strange outer ones: MTU, ranges of addresses, name servers, back ends of iptables.

# lib.bash sets status, out, err; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() {
	local id
	engine_teardown
	[ -n "${ENGINE_MISSING:-}" ] || for id in $(docker network ls -q --filter "label=dind-run=$RUN"); do
		docker network rm "$id" >/dev/null || fail "cannot remove network $id"
	done
}
teardown_file() { engine_teardown_file; }

# outer_network NAME [OPTIONS...]: a network of the outer engine; prints its name.
outer_network() {
	docker network create --label "dind-run=$RUN" "${@:2}" "$RUN-$1" >/dev/null
	echo "$RUN-$1"
}

# server NAME NETWORK: on that network, called NAME there, a server of /big (1 MiB of noise) on port 80.
server() {
	busybox_tar >/dev/null
	box_args "$1" -d --network "$2" --network-alias "$1" -v "$WORK/bb/bin/busybox:/busybox:ro" --entrypoint sh IMAGE -c '
		mkdir /www; head -c 1048576 /dev/urandom >/www/big; md5sum </www/big >/www/sum
		exec /busybox httpd -f -p 80 -h /www'
	docker run "${ARGS[@]}" >/dev/null
}

# transfer BOX NETWORK SERVER: a file of the server arrives whole in an inner container, and one sent there.
transfer() {
	box "$1" docker run --rm --network "$2" bb sh -c '
		set -e
		timeout 20 wget -qO /big "http://$0/big"
		[ "$(md5sum </big)" = "$(timeout 20 wget -qO- "http://$0/sum")" ]' "$3" ||
		fail "nothing arrived over network $2 of box $1"
}

# network_mtu BOX NETWORK: what an inner container's device has.
network_mtu() { box "$1" docker run --rm --network "$2" bb cat /sys/class/net/eth0/mtu; }

# resolved BOX NETWORK NAME: the address that an inner container finds.
resolved() { box "$1" docker run --rm --network "$2" bb timeout 20 nslookup "$3" | awk '/^Name:/ { n = 1 } n && /^Address/ { print $NF; exit }'; }

address_of() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(box_name "$1")"; }

# whole_use SUITE MTU: an outer network of that MTU, whose name server is on 127.0.0.11, as of all networks that users make.
whole_use() {
	local suite=$1 mtu=$2 net major base expected=$2
	IMAGE=${IMAGE%:*}:$suite
	docker image inspect "$IMAGE" >/dev/null 2>&1 || engine_skip "no image $IMAGE: scripts/images --build-arg SUITE=$suite dind makes it"
	net=$(outer_network "mtu$mtu" -o "com.docker.network.driver.mtu=$mtu")
	server far "$net"
	box_start near --network "$net" IMAGE
	box_ready near
	major=$(box near docker version -f '{{.Server.Version}}')
	major=${major%%.*}
	assert_eq 127.0.0.11 "$(box near awk '$1 == "nameserver" { print $2 }' /etc/resolv.conf)" 'the name server of the box'
	box_import near
	box near docker network create users >/dev/null

	assert_eq "$mtu" "$(network_mtu near bridge)" 'MTU of docker0'
	[ "$major" -ge 24 ] || expected=1500
	assert_eq "$expected" "$(network_mtu near users)" 'MTU of a network that a user made'

	for base in bridge users; do
		assert_eq "$(address_of far)" "$(resolved near "$base" far)" "the name of the server, from network $base"
		transfer near "$base" far
	done
	# nothing of the box's own changed: COMMAND and whoever execs in finds names as ever
	box near getent hosts far

	# the default pools begin behind the outer network, and are not in it
	base=$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' "$net")
	refute_match "^${base%.*.*}\." "$(box near docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge users)" 'inner ranges'
	assert_match "DIND-NET-10.*MTU $mtu" "$(box_logs near)" 'MTU in the log'
	assert_match 'DIND-NET-13.*relay to 127\.0\.0\.11' "$(box_logs near)" 'relay in the log'
	assert_match 'DIND-NET-05.*takes an engine' "$(box_logs near)" 'back end in the log'
}

@test "network: an outer MTU of 1400 and a name server on 127.0.0.11: inner containers load large files and find names" {
	whole_use trixie 1400
	# TCP, for long answers: the identifier comes back
	box near docker run --rm bb sh -c 'set -- $(sed -n "s/^nameserver //p" /etc/resolv.conf)
		printf "\0\025ab\1\0\0\1\0\0\0\0\0\0\3far\0\0\1\0\1" | timeout 10 nc "$1" 53 | head -c 4' >"$WORK/answer"
	assert_eq 'ab' "$(tail -c 2 "$WORK/answer")" 'the answer over TCP'
	# a relay that dies is started again
	box near sh -c 'kill -9 $(grep -lx dind-dns /proc/[0-9]*/comm | cut -d/ -f3)'
	assert_eq "$(address_of far)" "$(resolved near bridge far)" 'the name of the server after the relay has died'
	assert_match 'DIND-NET-15.*was killed by SIGKILL, starting it again in 50 ms' "$(box_logs near)" 'the relay in the log'
	# the same again after a restart
	before=$(box near docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge users)
	docker restart "$(box_name near)" >/dev/null
	box_ready near
	assert_eq "$before" "$(box near docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge users)" 'ranges after a restart'
	assert_eq "$(address_of far)" "$(resolved near bridge far)" 'the name of the server after a restart'
}

@test "network: jumbo frames outside: 9000 inside" { whole_use trixie 9000; }

@test "network: an outer network that takes the default ranges: inner ones lie elsewhere, what is named is obeyed" {
	net=$(outer_network wide --subnet 172.24.0.0/13 --ip-range 172.29.1.0/24)
	server far "$net"
	box_start near --network "$net" IMAGE
	box_ready near
	box_import near
	box near docker network create users >/dev/null
	ranges=$(box near docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge users)
	refute_match '^172\.(1[6-9]|2[0-9]|3[01])\.' "$ranges" 'inner ranges'
	transfer near bridge far
	transfer near users far
	docker rm -f -v "$(box_name near)" >/dev/null

	box_start named --network "$net" IMAGE --address-pool 10.77.0.0/16,24 --mtu 1300 --dns 10.77.9.9
	box_ready named
	assert_eq 10.77.0.0/24 "$(box named docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge)" 'the range that was named'
	box_import named
	box named docker network create users >/dev/null
	assert_eq 1300 "$(network_mtu named users)" 'the MTU that was named'
	assert_match 'nameserver 10\.77\.9\.9' "$(box named docker run --rm bb cat /etc/resolv.conf)" 'the name server that was named'
}

@test "network: a back end that fails gives way; none at all is a refusal before dockerd starts" {
	broken='#!/bin/sh\necho "iptables-restore v1.8.11 (nf_tables): Could not fetch rule set generation id: Invalid argument" >&2\nexit 4\n'
	printf '%b' "$broken" >"$WORK/broken"
	chmod 0755 "$WORK/broken"
	if docker run --rm --privileged --label "dind-run=$RUN" --entrypoint iptables-legacy "$IMAGE" -w -t nat -nL >/dev/null 2>&1; then
		box_start switch -v "$WORK/broken:/usr/sbin/xtables-nft-multi:ro" IMAGE
		box_ready switch
		assert_match 'DIND-NET-05.*iptables-legacy takes.*does not.*rule set generation id' "$(box_logs switch)" 'the choice'
		assert_match 'DOCKER' "$(box switch iptables-legacy -w -t nat -S)" 'rules in the legacy tables'
		assert_match '^PATH=/run/dind/iptables:' "$(box switch sh -c 'tr "\0" "\n" </proc/$(cat /run/docker.pid)/environ')" 'PATH of dockerd'
		box_import switch
		docker rm -f -v "$(box_name switch)" >/dev/null
	fi
	mkdir "$WORK/certs"
	box_run none -v "$WORK/broken:/usr/sbin/xtables-nft-multi:ro" -v "$WORK/broken:/usr/sbin/xtables-legacy-multi:ro" \
		-v "$WORK/certs:/c" IMAGE --tls-dir /c --host tcp://0.0.0.0:2376 -- true
	assert_eq 71 "$status" status
	assert_match 'DIND-NET-06.*rule set generation id' "$err" 'what the programs said'
	assert_match -- '--iptables=false' "$err" remedy
	refute_match 'Starting up|containerd not running' "$err" 'dockerd'
	assert_eq '' "$(ls -A "$WORK/certs")" 'dind-certs, which was started beside the trials, has written nothing'
	box_run without -v "$WORK/broken:/usr/sbin/xtables-nft-multi:ro" -v "$WORK/broken:/usr/sbin/xtables-legacy-multi:ro" IMAGE \
		--dockerd-args '--iptables=false --ip6tables=false' -- docker info -f '{{.Driver}}'
	assert_eq 0 "$status" status
}

@test "network: other engines, in full" {
	[ "${DIND_SOAK:-0}" = 1 ] || return 0 # scripts/test --soak
	for suite in bullseye bookworm sid; do
		for mtu in 1400 9000; do
			whole_use "$suite" "$mtu"
			docker rm -f -v "$(box_name near)" "$(box_name far)" >/dev/null
			docker network rm "$RUN-mtu$mtu" >/dev/null
		done
	done
}
