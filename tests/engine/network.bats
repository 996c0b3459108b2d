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

# transfer BOX NETWORK MTU SERVER...: in an inner container whose device has that MTU a file of each server arrives whole,
# and so does one that is sent there.
transfer() {
	box "$1" docker run --rm --network "$2" bb sh -c '
		set -e
		echo "the MTU is $(cat /sys/class/net/eth0/mtu), expected is $0"
		[ "$(cat /sys/class/net/eth0/mtu)" = "$0" ]
		for server; do
			timeout 20 wget -qO /big "http://$server/big"
			[ "$(md5sum </big)" = "$(timeout 20 wget -qO- "http://$server/sum")" ]
			base64 </big >/text # for wget it would end at the first 0
			[ "$(md5sum </text)" = "$(timeout 20 wget -qO- --post-file /text "http://$server/cgi-bin/sum")" ]
			echo "all arrived from and at $server"
		done' "${@:3}" || fail "over network $2 of box $1 not all arrived"
}

# network_mtu BOX NETWORK: what an inner container's device has.
network_mtu() { box "$1" docker run --rm --network "$2" bb cat /sys/class/net/eth0/mtu; }

# resolved BOX NETWORK NAME: the address that an inner container finds.
resolved() { box "$1" docker run --rm --network "$2" bb timeout 20 nslookup "$3" | awk '/^Name:/ { n = 1 } n && /^Address/ { print $NF; exit }'; }

# ranges BOX NETWORK...: one to a line.
ranges() { box "$1" docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' "${@:2}"; }

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

	[ "$major" -ge 24 ] || expected=1500
	transfer near bridge "$mtu" far
	transfer near users "$expected" far
	# nothing of the box's own changed: COMMAND and whoever execs in finds names as ever
	box near getent hosts far

	# the default pools begin behind the outer network, and are not in it
	base=$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' "$net")
	refute_match "^${base%.*.*}\." "$(ranges near bridge users)" 'inner ranges'
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
	before=$(ranges near bridge users)
	docker restart "$(box_name near)" >/dev/null
	box_ready near
	assert_eq "$before" "$(ranges near bridge users)" 'ranges after a restart'
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
	refute_match '^172\.(1[6-9]|2[0-9]|3[01])\.' "$(ranges near bridge users)" 'inner ranges'
	transfer near bridge 1500 far
	transfer near users 1500 far
	docker rm -f -v "$(box_name near)" >/dev/null

	box_start named --network "$net" IMAGE --address-pool 10.77.0.0/16,24 --mtu 1300 --dns 10.77.9.9
	box_ready named
	assert_eq 10.77.0.0/24 "$(ranges named bridge)" 'the range that was named'
	box_import named
	box named docker network create users >/dev/null
	assert_eq 1300 "$(network_mtu named users)" 'the MTU that was named'
	assert_match 'nameserver 10\.77\.9\.9' "$(box named docker run --rm bb cat /etc/resolv.conf)" 'the name server that was named'
}

# ---- pods: an address of 32 bits, a router that no range shows, and a way out that loses what is too large ----------

ROUTER=169.254.1.1     # as Calico has it
RESOLVER=fd00:10:96::a # the name server of a cluster with IPv6 only
FAR=10.98.0.9          # a server somewhere
NEIGHBOUR=172.17.77.1  # another pod, in the range that Docker takes first
COMPANY=172.20.5.5     # a host in 172.16.0.0/12

# idle NAME [OPTIONS...]: a network namespace that stays, with nothing in it.
idle() {
	box_args "$1" -d --privileged --network none -v "$WORK/bb/bin/busybox:/busybox:ro" "${@:2}" --entrypoint sleep IMAGE 3600
	docker run "${ARGS[@]}" >/dev/null
}

# network_of BOX SCRIPT [ARGUMENTS...]: in that network namespace, with all rights; `ip` is busybox's.
network_of() { docker exec --privileged "$(box_name "$1")" sh -c 'set -e; ip() { /busybox ip "$@"; }; '"$2" - "${@:3}"; }

# wire BOX DEVICE: a link of MTU 1400 from there to a device of the router with the name of the box.
wire() {
	box router "$WORK/ip/ip" link add name "$2" mtu 1400 netns "$(box_state "$1" Pid)" type veth peer name "$1" mtu 1400
	link_up "$1" "$2"
	link_up router "$1"
}

# link_up BOX DEVICE: with IPv6 where the box may.
link_up() {
	network_of "$1" '
		[ ! -w /proc/sys/net ] || echo 0 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6"
		ip link set "$1" up' "$2"
}

# way_out: the host far, and the router between it and pods. Its links to them have an MTU of 1400 and the one to far has
# 1500, and nobody is told: "fragmentation needed" is lost, as behind many tunnels.
way_out() {
	program_copy "$WORK/ip" ip
	server far none
	idle router --pid host -v "$WORK/ip:$WORK/ip:ro"
	wire far eth0
	network_of far 'ip link set eth0 mtu 1500; ip addr add "$1/24" dev eth0; ip route add default via 10.98.0.1
		ip addr add "$2/32" dev lo; ip addr add "$3/32" dev lo' "$FAR" "$NEIGHBOUR" "$COMPANY"
	network_of router 'ip link set lo up; ip link set far mtu 1500; ip addr add 10.98.0.1/24 dev far
		ip addr add "$1/32" dev lo; ip route add "$3" via "$2"; ip route add "$4" via "$2"
		echo 1 >/proc/sys/net/ipv4/ip_forward
		iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP' "$ROUTER" "$FAR" "$NEIGHBOUR" "$COMPANY"
}

# pod NAME ADDRESS [ROUTE-OPTIONS...]: the network of one, as a sandbox holds it.
pod() {
	idle "$1"
	wire "$1" eth0
	network_of "$1" 'router=$1 pod=$2; shift 2
		ip link set lo up; ip addr add "$pod/32" dev eth0
		ip route add "$router" dev eth0; ip route add default via "$router" "$@"' "$ROUTER" "${@:2}"
	network_of router 'ip route add "$2" dev "$1"' "$1" "$2"
}

# resolver POD ADDRESS: a name server on the router, reached from that pod by IPv6, that has the address for every name.
resolver() {
	network_of "$1" 'ip -6 addr add fd00:10:96::1/64 dev eth0'
	network_of router 'ip -6 addr add "$2/64" dev "$1"' "$1" "$RESOLVER"
	docker exec -d "$(box_name router)" perl -MIO::Socket::IP -e '
		my ($at, $address) = @ARGV;
		my $s;
		for (1 .. 80) { # the address is tentative for a second
			last if $s = IO::Socket::IP->new(LocalAddr => $at, LocalPort => 53, Proto => "udp");
			select undef, undef, undef, 0.1;
		}
		open my $ready, ">", "/answering" or die;
		while (defined $s->recv(my $q, 512)) {
			my ($name, $type) = substr($q, 12) =~ /^(.*?\0)(..)/s or next;
			my $is_a = unpack("n", $type) == 1;
			$s->send(substr($q, 0, 2) . pack("n5", 0x8180, 1, $is_a ? 1 : 0, 0, 0) . "$name$type\0\1" .
				($is_a ? pack("n3Nna4", 0xc00c, 1, 1, 60, 4, pack("C4", split /\./, $address)) : ""));
		}' "$RESOLVER" "$2"
	until_true 10 'the name server answers' box router test -e /answering
}

# stuck BOX SERVER: from a network that believes in 1500 a large file does not arrive: the way is as bad as it is meant to be.
stuck() {
	box "$1" docker network create -o com.docker.network.driver.mtu=1500 naive >/dev/null
	box "$1" docker run --rm --network naive bb sh -c '
		timeout 10 wget -qO /dev/null "http://$0/sum" || exit 1
		! timeout 4 wget -qO /dev/null "http://$0/big"' "$2" || fail 'the way out loses nothing'
}

# A name server with IPv6 only, and an address in the range that Docker takes first.
calico_pod() {
	pod calico 172.17.9.9
	resolver calico "$FAR"
	printf 'nameserver %s\n' "$RESOLVER" >"$WORK/resolv.conf"
	box_start new --network "container:$(box_name calico)" -v "$WORK/resolv.conf:/etc/resolv.conf:ro" IMAGE
	box_ready new
	box_import new
	box new docker network create users >/dev/null
	refute_match '^172\.17\.' "$(ranges new bridge users)" 'inner ranges, and where the pod is'
	assert_match "DIND-NET-13.*relay to $RESOLVER" "$(box_logs new)" 'relay in the log'
	transfer new bridge 1400 far.example "$NEIGHBOUR"
	transfer new users 1400 far.example "$NEIGHBOUR"
	stuck new "$FAR"
}

# The device has 1500, the route 1400; all of 172.16/12 is routed.
company_pod() {
	pod company 10.244.7.8 mtu 1400
	network_of company 'ip link set eth0 mtu 1500; ip route add 172.16.0.0/12 via "$1"' "$ROUTER"
	box_start taken --network "container:$(box_name company)" IMAGE
	box_ready taken
	box_import taken
	box taken docker network create users >/dev/null
	refute_match '^172\.(1[6-9]|2[0-9]|3[01])\.' "$(ranges taken bridge users)" 'inner ranges'
	assert_match 'DIND-NET-10.*MTU 1400.*that of the route' "$(box_logs taken)" 'MTU in the log'
	transfer taken bridge 1400 "$COMPANY"
	transfer taken users 1400 "$COMPANY"
}

# old_pod SUITE ADDRESS: that engine cannot set the MTU of networks that users make, so that TCP is told of it.
old_pod() {
	local near=clamped-$1
	IMAGE=${IMAGE%:*}:$1
	docker image inspect "$IMAGE" >/dev/null 2>&1 || engine_skip "no image $IMAGE: scripts/images --build-arg SUITE=$1 dind makes it"
	pod "$1" "$2"
	box_start "$near" --network "container:$(box_name "$1")" IMAGE
	box_ready "$near"
	box_import "$near"
	box "$near" docker network create users >/dev/null
	transfer "$near" bridge 1400 "$FAR"
	transfer "$near" users 1500 "$FAR"
	# without that rule it would not
	box "$near" iptables -t mangle -D FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
	stuck "$near" "$FAR"
}

@test "network: pods with an address of 32 bits behind a link of 1400 that says nothing of it: large files arrive" {
	way_out
	calico_pod
	company_pod
	old_pod bookworm 10.244.7.9
	[ "${DIND_SOAK:-0}" != 1 ] || old_pod bullseye 10.244.7.10
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

@test "network: a back end without IPv6 and without the table raw: the newest engine starts, and both are said" {
	IMAGE=${IMAGE%:*}:sid
	docker image inspect "$IMAGE" >/dev/null 2>&1 || engine_skip "no image $IMAGE: scripts/images --build-arg SUITE=sid dind makes it"
	mkdir -p "$WORK/multi"
	docker run --rm --label "dind-run=$RUN" --entrypoint cat "$IMAGE" /usr/sbin/xtables-nft-multi >"$WORK/multi/real"
	# what kernels said that lack them
	cat >"$WORK/multi/partial" <<-'EOF'
		#!/bin/sh
		name=${0##*/}
		no_raw() { echo "$name v1.8.9 (nf_tables): TABLE_ADD failed (Operation not supported): table raw" >&2; exit 4; }
		case " $name $* " in
		" ip6tables"*) echo "$name v1.8.9 (nf_tables): CHAIN_ADD failed (No such file or directory): chain PREROUTING" >&2; exit 4 ;;
		*" -t raw "*) no_raw ;;
		*-restore\ *)
			rules=$(cat)
			case $rules in *'*raw'*) no_raw ;; esac
			printf '%s\n' "$rules" | /multi/real "$name" "$@"
			exit ;;
		esac
		exec /multi/real "$name" "$@"
	EOF
	printf '#!/bin/sh\necho "${0##*/} v1.8.9 (legacy): unable to initialize table '\''nat'\''" >&2\nexit 3\n' >"$WORK/multi/legacy"
	chmod 0755 "$WORK/multi"/*
	box_start part -v "$WORK/multi:/multi:ro" -v "$WORK/multi/partial:/usr/sbin/xtables-nft-multi:ro" \
		-v "$WORK/multi/legacy:/usr/sbin/xtables-legacy-multi:ro" IMAGE
	box_ready part
	assert_match 'DIND-NET-07.*no table raw.*Operation not supported.*table raw' "$(box_logs part)" 'the table raw in the log'
	assert_match 'DIND-NET-08.*ip6tables does not take.*chain PREROUTING' "$(box_logs part)" 'IPv6 in the log'
	assert_match '"ip6tables": *false' "$(box part cat /run/dind/daemon.json)" 'what dockerd is told'
	box_import part
	# what the hint says is so, and its remedy is one
	assert_eq works "$(box part docker run --rm --network none bb echo works)" 'an inner container without a network'
	assert_match 'iptables.* -t raw ' "$(box part docker run --rm bb echo works 2>&1 || true)" 'one with a network'
	docker rm -f -v "$(box_name part)" >/dev/null
	box_start told -e DOCKER_INSECURE_NO_IPTABLES_RAW=1 -v "$WORK/multi:/multi:ro" \
		-v "$WORK/multi/partial:/usr/sbin/xtables-nft-multi:ro" -v "$WORK/multi/legacy:/usr/sbin/xtables-legacy-multi:ro" IMAGE
	box_ready told
	refute_match 'DIND-NET-07' "$(box_logs told)" 'what they know'
	box_import told
	assert_eq works "$(box told docker run --rm -p 8080:80 bb echo works)" 'one with a published port'
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
