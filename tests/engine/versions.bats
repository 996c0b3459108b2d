#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Inner engines older and newer than the outer one: each builds, runs, has a network, and stops in order.
# DIND_SOAK=1: the oldest, too.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# whole_use SUITE VERSION-REGEX
whole_use() {
	local version loop address
	IMAGE=${IMAGE%:*}:$1
	docker image inspect "$IMAGE" >/dev/null 2>&1 || engine_skip "no image $IMAGE: scripts/images --build-arg SUITE=$1 dind makes it"
	box_start "$1" IMAGE
	box_ready "$1"
	version=$(box "$1" docker version -f '{{.Server.Version}}')
	assert_match "$2" "$version" 'version of the inner engine'
	assert_eq overlay2 "$(box "$1" docker info -f '{{.Driver}}')" 'inner driver'
	loop=$(box_loop_identity "$1")
	box_try "$1" "of-$1"

	# Container to container by address, by name in a network of the user's, and through a published port.
	box "$1" docker network create web >/dev/null
	box "$1" docker run -d --name web --network web -p 8080:80 bb \
		sh -c 'mkdir /www; echo "served-by-$0" >/www/index.html; exec httpd -f -p 80 -h /www' "$1" >/dev/null
	address=$(box "$1" docker inspect -f '{{.NetworkSettings.Networks.web.IPAddress}}' web)
	until_true 10 'the server answers' box "$1" docker exec web wget -qO- http://127.0.0.1/
	assert_eq "served-by-$1" "$(box "$1" docker run --rm --network web bb timeout 10 wget -qO- "http://$address/")" 'by address'
	assert_eq "served-by-$1" "$(box "$1" docker run --rm --network web bb timeout 10 wget -qO- http://web/)" 'by name'
	assert_match "^served-by-$1" "$(box "$1" perl -MIO::Socket::INET -e '
		alarm 10;
		my $s = IO::Socket::INET->new("127.0.0.1:8080") or die "connect: $!";
		print $s "GET / HTTP/1.0\r\n\r\n";
		print while <$s>;')" 'by the published port'
	# The default bridge, and through it out of the box: its own gateway is the outer engine's bridge.
	address=$(box "$1" sh -c 'awk "\$2 == \"00000000\" { print \$3 }" /proc/net/route')
	address=$((16#${address:6:2})).$((16#${address:4:2})).$((16#${address:2:2})).$((16#${address:0:2}))
	box "$1" docker run --rm bb ping -c 1 -w 10 "$address"
	box "$1" docker exec web true

	box_stop "$1"
	assert_eq 0 "$status" status
	[ "$elapsed" -lt 10000 ]
	assert_loop_gone "$loop"
	assert_image_clean "$1"
}

@test "versions: Docker 20.10 of bookworm inside" { whole_use bookworm '^20\.10\.'; }

@test "versions: Docker 20.10 of bullseye inside" {
	[ "${DIND_SOAK:-0}" = 1 ] || return 0 # scripts/test --soak
	whole_use bullseye '^20\.10\.5'
}

@test "versions: Docker 26.1 of trixie inside" { whole_use trixie '^26\.1\.'; }

@test "versions: the newest of sid inside, newer than the engine outside" {
	whole_use sid '^2[89]\.|^[3-9][0-9]\.'
	outer=$(docker version -f '{{.Server.Version}}')
	docker start "$(box_name sid)"
	box_ready sid
	inner=$(box sid docker version -f '{{.Server.Version}}')
	newest=$(printf '%s\n' "$outer" "$inner" | sort -V | tail -n 1)
	[ "$outer" != "$inner" ] && [ "$newest" = "$inner" ] ||
		engine_skip "the outer engine, $outer, is not older than $inner"
}
