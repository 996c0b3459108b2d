#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# In the network or the pid namespace of others, here the outer engine's: it and its containers are left as they are.

# lib.bash sets status, out, err; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

BRIDGE=dind-$$

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() {
	[ -n "${ENGINE_MISSING:-}" ] || on_host box-down 'ip link del '"$BRIDGE"' 2>/dev/null || true'
	engine_teardown
}
teardown_file() { engine_teardown_file; }

# on_host NAME SCRIPT: a shell of busybox in the network and pid namespace of the outer engine.
on_host() {
	local busybox=$WORK/bb/bin/busybox
	busybox_tar >/dev/null
	box_args "$1" --rm --privileged --network host --pid host -v "$busybox:/busybox:ro" --entrypoint sh IMAGE \
		-c 'ip() { /busybox ip "$@"; }; '"$2"
	docker run "${ARGS[@]}"
}

# snapshot NAME: rules without their counters, bridges with their addresses, routes.
snapshot() {
	on_host "$1" 'for command in iptables-save ip6tables-save; do
			$command 2>/dev/null | sed "/^#/d; s/\[[0-9:]*\]//"
		done
		for link in /sys/class/net/*; do
			[ ! -e "$link/bridge" ] || echo "bridge ${link##*/}: $(ls "$link/brif" | wc -l)"
		done
		ip -4 addr show | grep inet
		ip -4 route'
}

# fetch NAME ADDRESS: what the page there says.
fetch() {
	on_host "$1" "timeout 5 bash -c 'exec 3<>/dev/tcp/$2/80; printf \"GET / HTTP/1.0\r\n\r\n\" >&3; tail -n 1 <&3'"
}

# The outer engine must have its usual network for this to prove something.
outer_bridge() {
	local bridge
	bridge=$(docker network inspect -f '{{index .Options "com.docker.network.bridge.name"}}' bridge)
	[ "$bridge" = docker0 ] || engine_skip "the outer engine's bridge is called $bridge"
}

@test "neighbours: an idle docker0 of another engine is enough to refuse --network host" {
	outer_bridge
	before=$(snapshot before)
	assert_match 'bridge docker0' "$before" 'docker0'
	box_run refused --network host IMAGE -- true
	assert_eq 78 "$status" status
	assert_match 'DIND-NET-01.*/libnetwork/[0-9a-f]{12}\.sock listens' "$err" 'the engine that was seen'
	assert_match '--network=host' "$err" remedy
	# None of these keeps two engines apart.
	box_run none --network host IMAGE --dockerd-args '--bridge=none --iptables=false --ip6tables=false' -- true
	assert_eq 78 "$status" 'status with --bridge=none, which removes docker0'
	box_run rules --network host IMAGE --dockerd-args '--bridge=own' -- true
	assert_eq 78 "$status" 'status with rules, which flushes those of the other'
	assert_eq "$before" "$(snapshot after)" 'the network of the outer engine'
}

@test "neighbours: with a bridge of its own and without rules the other engine keeps its network" {
	outer_bridge
	busybox_tar >/dev/null
	box_start web -p 80 -v "$WORK/bb/bin/busybox:/busybox:ro" --entrypoint sh IMAGE \
		-c 'mkdir /w && echo still-here >/w/index.html && exec /busybox httpd -f -p 80 -h /w'
	address=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' "$(box_name web)")
	on_host bridge "ip link add $BRIDGE type bridge && ip addr add 172.31.253.1/24 dev $BRIDGE && ip link set $BRIDGE up"
	before=$(snapshot before)
	assert_match 'dport 80 -j' "$before" 'the published port'
	assert_eq still-here "$(fetch ask "$address")" 'answer before'

	box_start apart --network host IMAGE --dockerd-args "--bridge=$BRIDGE --iptables=false --ip6tables=false"
	box_ready apart || fail "$(box_logs apart)"
	box_import apart
	assert_eq host "$(box apart docker run --rm --network host bb echo host)" 'inner container in that network'
	assert_eq inner "$(box apart docker run --rm bb echo inner)" 'inner container on the bridge'
	assert_eq "$before" "$(snapshot during)" 'the network of the outer engine while both run'
	# Asked from within, the engine that runs there is not taken for another one.
	box apart dind-init inspect | grep -A2 '"foreign_engine"'
	box_stop apart
	assert_eq 0 "$status" 'status of the box'
	assert_eq "$before" "$(snapshot after)" 'the network of the outer engine'
	assert_eq still-here "$(fetch ask "$address")" 'answer after'
}

@test "neighbours: in a pid namespace with others only inner containers are ended" {
	box_start by --entrypoint sleep IMAGE 3600 # its init hears no TERM, as those of the inner ones
	box_start guest --pid host IMAGE --allow-host-pid
	box_ready guest || fail "$(box_logs guest)"
	refute_match '^NSpid:.*[[:space:]]1$' "$(box guest grep NSpid /proc/self/status)" 'pid namespace of its own'
	box_import guest
	box guest docker run -d bb sleep 36001 >/dev/null
	# Ignores TERM and has no pid namespace whose end would end it.
	box guest docker run -d --pid host bb sh -c 'trap "" TERM; sleep 36002; sleep 36002' >/dev/null
	count='grep -la "^sleep.3600[12]" /proc/[0-9]*/cmdline 2>/dev/null | wc -l'
	assert_eq 2 "$(on_host seen "$count")" 'processes of inner containers'
	box_stop guest
	assert_eq 0 "$status" 'status of the box'
	[ "$elapsed" -lt 10000 ] || fail "the stop took $elapsed ms"
	assert_eq 0 "$(on_host gone "$count")" 'processes of inner containers after the stop'
	assert_eq true "$(box_state by Running)" 'the bystander runs'
}
