#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# images/docker-dind: what users of docker:dind rely on, row by row. Clients are the docker CLI in other containers.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() {
	export DIND_TEST_IMAGE=${DIND_TEST_DOCKER_DIND:-dind-init/docker-dind:trixie}
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	docker network create --label "dind-run=$RUN" "$RUN" >/dev/null
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() {
	engine_teardown_file
	[ -n "${ENGINE_MISSING:-}" ] || docker network rm "$RUN" >/dev/null
}

# dind_start NAME [docker's options] IMAGE [arguments]: a box that is called `docker` in the network.
dind_start() {
	box_start "$1" --network "$RUN" --network-alias docker "${@:2}"
	box_ready "$1"
}

# client [docker's options] IMAGE ARGUMENTS: another container in that network, unprivileged; prints what it prints.
client() {
	box_args "client-$BATS_TEST_NUMBER-$RANDOM" --rm --network "$RUN" "$@"
	docker run "${ARGS[@]}"
}

stdout_of() { docker logs "$RUN-$1" 2>/dev/null; }
dockerd_variables() { box "$1" sh -c 'tr "\0" "\n" <"/proc/$(pidof dockerd)/environ"'; }
# dockerd, which waits some seconds after each of these lines, has bound no TCP address itself.
bound_by_us() { ! box_log_has "$1" 'level=warning msg="(Binding to|\[DEPRECATION)' || fail "$1: dockerd warns, and so has waited"; }
dockerd_flags() { box "$1" sh -c 'tr "\0" " " <"/proc/$(pidof dockerd)/cmdline"'; }

# ---- the image ------------------------------------------------------------------------------------------------------

@test "docker-dind: entry point, command, volume, ports, environment" {
	config() { docker inspect -f "{{json .Config.$1}}" "$IMAGE"; }
	assert_eq '["dockerd-entrypoint.sh"]' "$(config Entrypoint)"
	assert_match '^(null|\[\])$' "$(config Cmd)"
	assert_eq '{"/var/lib/docker":{}}' "$(config Volumes)"
	assert_eq '{"2375/tcp":{},"2376/tcp":{}}' "$(config ExposedPorts)"
	assert_match '"DOCKER_TLS_CERTDIR=/certs"' "$(config Env)"
	assert_match '"NONE"' "$(config Healthcheck)"
}

@test "docker-dind: files, users, groups, modes that scripts name" {
	box_run_plain files IMAGE sh -c '
		for f in docker dockerd containerd ctr runc containerd-shim-runc-v2 docker-init docker-proxy dind \
			dockerd-entrypoint.sh docker-entrypoint.sh modprobe docker-compose; do
			[ -x "/usr/local/bin/$f" ] || echo "missing $f"; done
		for p in buildx compose; do [ -x "/usr/local/libexec/docker/cli-plugins/docker-$p" ] || echo "missing $p"; done
		for f in docker dockerd containerd runc docker-init docker-proxy; do
			"/usr/local/bin/$f" --version >/dev/null || echo "does not run: $f"; done
		docker-compose version --short >/dev/null && docker buildx version >/dev/null || echo "plugins do not run"
		/usr/local/sbin/.iptables-legacy/iptables --version
		getent group docker; getent passwd dockremap | cut -d: -f1,6 | cut -d: -f1; cat /etc/subuid /etc/subgid
		grep ^hosts: /etc/nsswitch.conf | tr -s " "; stat -c "%a %n" /certs /certs/client
		! /usr/local/bin/modprobe --version | grep -q kmod || echo modprobe-works'
	assert_eq 0 "$status" status
	assert_match '^iptables v[0-9.]+ \(legacy\)$' "$(head -n 1 <<<"$out")"
	assert_eq 'docker:x:2375:
dockremap
dockremap:165536:65536
dockremap:165536:65536
hosts: files dns
1777 /certs
1777 /certs/client
modprobe-works' "$(tail -n +2 <<<"$out")"
	assert_eq '' "$err" stderr
}

# ---- an engine ------------------------------------------------------------------------------------------------------

@test "docker-dind: no arguments: TLS on 2376 by DOCKER_TLS_CERTDIR, and clients in the same image find it by themselves" {
	certs=$(volume certs)
	dind_start tls -v "$certs:/certs/client" -e DOCKER_TLS_SAN=DNS:extra.example,IP:192.0.2.9 IMAGE
	# Nothing but the certificates and the name.
	assert_match '^Server:' "$(client -v "$certs:/certs/client:ro" IMAGE version)" 'docker version'
	assert_eq 'tcp://docker:2376 1 /certs/client' "$(client -v "$certs:/certs/client:ro" IMAGE \
		sh -c 'echo "$DOCKER_HOST $DOCKER_TLS_VERIFY $DOCKER_CERT_PATH"')"
	box_import tls
	assert_eq over-tls "$(client -v "$certs:/certs/client:ro" IMAGE run --rm bb echo over-tls)" 'docker run'
	subject() { box tls cat "/certs/$1/cert.pem" | openssl x509 -noout -subject -ext subjectAltName,extendedKeyUsage 2>/dev/null; }
	assert_match 'CN *= *docker:dind CA$' "$(subject ca)"
	assert_match 'CN *= *docker:dind server$' "$(subject server)"
	assert_match 'TLS Web Server Authentication' "$(subject server)"
	for name in DNS:docker DNS:localhost DNS:extra.example 'IP Address:192.0.2.9' 'IP Address:127.0.0.1'; do
		assert_match "$name(,|\$)" "$(subject server)" 'names'
	done
	assert_match 'CN *= *docker:dind client$' "$(subject client)"
	assert_match 'TLS Web Client Authentication' "$(subject client)"
	assert_eq '600 644 600 644' "$(box tls sh -c 'cd /certs && stat -c %a ca/key.pem ca/cert.pem server/key.pem client/key.pem' | tr '\n' ' ' |
		sed 's/ $//')" 'modes'
	# No other port, nobody without a certificate.
	status=0
	client -e DOCKER_HOST=tcp://docker:2375 -e DOCKER_TLS_CERTDIR= IMAGE version || status=$?
	assert_eq 1 "$status" 'plain client on 2375'
	status=0
	client -e DOCKER_HOST=tcp://docker:2376 -e DOCKER_TLS_CERTDIR= IMAGE version || status=$?
	assert_eq 1 "$status" 'plain client on 2376'
	assert_eq 'overlay2' "$(box tls docker info -f '{{.Driver}}')" 'over the unix socket'
	# What hack/dind does there: a /tmp for programs and devices, shared mounts, and the engine knows where it is.
	assert_match '^tmpfs +rw' "$(box tls findmnt -n -o FSTYPE,OPTIONS /tmp)" '/tmp'
	assert_match '^shared' "$(box tls findmnt -n -o PROPAGATION /)" 'propagation'
	assert_match '^container=docker$' "$(dockerd_variables tls)" "dockerd's environment"
	# Standard output has this line and no other; a clean stop is 0.
	assert_match '^iptables v[0-9.]+ \((nf_tables|legacy)\)$' "$(stdout_of tls)"
	assert_eq 1 "$(stdout_of tls | wc -l)" 'lines on stdout'
	serial=$(box tls md5sum /certs/server/cert.pem)
	box_stop tls
	assert_eq 0 "$status" 'status after docker stop'
	# Certificates that are good are kept; a pid file that was left behind is in nobody's way.
	docker start "$(box_name tls)" >/dev/null
	box_ready tls
	assert_eq "$serial" "$(box tls md5sum /certs/server/cert.pem)" 'certificate after a second start'
	box_kill tls
	docker start "$(box_name tls)" >/dev/null
	box_ready tls
	assert_match '^Server:' "$(client -v "$certs:/certs/client:ro" IMAGE version)"
}

@test "docker-dind: DOCKER_TLS_CERTDIR empty: plain 2375 at once, with a warning; flags come last" {
	# What a CI system sets for the job's client must not reach the engine.
	box_create plain --network "$RUN" --network-alias docker -e DOCKER_TLS_CERTDIR= -e DOCKER_HOST=tcp://docker:2375 \
		-e DOCKER_TLS_VERIFY=1 -e DOCKER_CERT_PATH=/nonexistent IMAGE --tls=false --label from=flag --host unix:///run/second.sock
	docker start "$(box_name plain)" >/dev/null
	# A client that comes right after it waits and is served.
	answer=$(client -e DOCKER_TLS_CERTDIR= IMAGE version)
	assert_match '^Server:' "$answer"
	bound_by_us plain
	box_ready plain
	inside=(env -u DOCKER_HOST -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH)
	box_import plain "${inside[@]}"
	assert_eq over-tcp "$(client IMAGE run --rm bb echo over-tcp)" 'docker run'
	assert_eq '["from=flag"]' "$(client IMAGE info -f '{{json .Labels}}')" labels
	assert_match 'flag' "$(box plain "${inside[@]}" docker -H unix:///run/second.sock info -f '{{.Labels}}')" 'the added listener'
	assert_match 'flag' "$(box plain "${inside[@]}" docker -H unix:///var/run/docker.sock info -f '{{.Labels}}')" 'the usual listener'
	box_log_has plain 'without --tlsverify is insecure and gives root access'
	box plain sh -c '! test -e /certs/server'
	refute_match 'DOCKER_(HOST|TLS_VERIFY|CERT_PATH)=' "$(dockerd_variables plain)"
}

@test "docker-dind: dockerd and its flags: exactly these, no listener and no certificate beside them" {
	# Pid files of engines that are gone: its own, the default one, and by a name for itself; in docker:dind they are swept.
	echo 1 >"$WORK/stale.pid"
	box_create exact --network "$RUN" --network-alias docker -e DOCKER_RAMDISK=true -e DOCKER_MIN_API_VERSION=1.40 \
		IMAGE dockerd --host=unix:///var/run/docker.sock --group=123 --pidfile=/run/docker-mine.pid
	for f in /run/docker-mine.pid /var/run/docker.pid; do docker cp -q "$WORK/stale.pid" "$(box_name exact):$f"; done
	docker start "$(box_name exact)" >/dev/null
	box_ready exact
	assert_eq "$(box exact pidof dockerd)" "$(box exact cat /run/docker-mine.pid)" 'the pid file'
	box exact sh -c '! test -e /var/run/docker.pid' 'the stale pid file'
	# What dockerd reads of the environment by itself.
	assert_match '^DOCKER_RAMDISK=true$' "$(dockerd_variables exact)"
	assert_eq 1.40 "$(box exact docker version -f '{{.Server.MinAPIVersion}}')" 'DOCKER_MIN_API_VERSION'
	assert_eq 'srw-rw---- 123' "$(box exact stat -c '%A %g' /var/run/docker.sock)" 'the socket'
	box exact sh -c '! test -e /certs/server && ! test -e /certs/ca'
	refute_match 'tls' "$(dockerd_flags exact)" "dockerd's flags"
	assert_eq '' "$(box exact sh -c 'cat /proc/net/tcp /proc/net/tcp6 | awk "\$4 == \"0A\" && \$2 ~ /:094[78]\$/"')" 'TCP listeners'
	# The same, with the port that was asked for, by the name that Kubernetes' `command` has.
	dind_start named --network-alias named --entrypoint dockerd-entrypoint.sh IMAGE dockerd -H tcp://0.0.0.0:2375
	assert_match '^Server:' "$(client -e DOCKER_HOST=tcp://named:2375 -e DOCKER_TLS_CERTDIR= IMAGE version)"
	bound_by_us named
}

@test "docker-dind: DOCKER_HOST moves the unix socket when it is one; DOCKER_DRIVER is obeyed, or what stands against it said" {
	dind_start moved -e DOCKER_HOST=unix:///run/moved/docker.sock -e DOCKER_DRIVER=vfs -e DOCKER_TLS_CERTDIR= IMAGE
	assert_eq vfs "$(box moved docker info -f '{{.Driver}}')" 'the driver'
	box_log_has moved 'DIND-STORAGE-09: vfs copies every layer'
	refute_match '^DOCKER_DRIVER=' "$(dockerd_variables moved)" "dockerd's environment"
	box_run btrfs -e DOCKER_DRIVER=btrfs IMAGE
	assert_eq 78 "$status" 'a driver that this disk has not'
	assert_match 'DIND-STORAGE-04: .*btrfs' "$err"
	assert_match '^Server:' "$(box moved docker version)"
	box moved sh -c 'test -S /run/moved/docker.sock && ! test -e /var/run/docker.sock'
	assert_match '^Server:' "$(client IMAGE version)" 'the TCP listener stays'
}

@test "docker-dind: one's own certificates are only checked, also read-only; a CA without its key ends the start" {
	dind_start maker IMAGE
	mkdir -p "$WORK/mine/server" "$WORK/mine/client" "$WORK/half/ca"
	for f in ca cert key; do
		box maker cat "/certs/server/$f.pem" >"$WORK/mine/server/$f.pem"
		box maker cat "/certs/client/$f.pem" >"$WORK/mine/client/$f.pem"
	done
	box maker cat /certs/ca/cert.pem >"$WORK/half/ca/cert.pem"
	docker rm -f -v "$(box_name maker)" >/dev/null
	before=$(cd "$WORK/mine" && find . -type f -exec md5sum {} + | sort)
	dind_start mine -v "$WORK/mine/server:/certs/server:ro" IMAGE
	assert_match '^Server:' "$(client -v "$WORK/mine/client:/certs/client:ro" IMAGE version)"
	box mine sh -c '! test -e /certs/ca && ! test -e /certs/client/key.pem'
	assert_eq "$before" "$(cd "$WORK/mine" && find . -type f -exec md5sum {} + | sort)" 'what was mounted'
	box_run half -v "$WORK/half:/certs:ro" IMAGE
	[ "$status" != 0 ]
	assert_match '/certs/ca' "$err"
	cp "$WORK/mine/client/key.pem" "$WORK/mine/server/key.pem"
	box_run mismatch -v "$WORK/mine/server:/certs/server:ro" IMAGE
	[ "$status" != 0 ]
	assert_match '/certs/server/key.pem' "$err"
}

@test "docker-dind: certificates by dockerd's own flags take the place of those of DOCKER_TLS_CERTDIR, and TLS stays on" {
	mkdir -p "$WORK/own"
	dind_start maker IMAGE
	for f in ca cert key; do
		box maker cat "/certs/server/$f.pem" >"$WORK/own/$f.pem"
		box maker cat "/certs/client/$f.pem" >"$WORK/own/client-$f.pem"
	done
	docker rm -f -v "$(box_name maker)" >/dev/null
	dind_start own -v "$WORK/own:/own:ro" IMAGE --tlscacert=/own/ca.pem --tlscert=/own/cert.pem --tlskey /own/key.pem
	mkdir -p "$WORK/own/client"
	for f in ca cert key; do cp "$WORK/own/client-$f.pem" "$WORK/own/client/$f.pem"; done
	assert_match '^Server:' "$(client -v "$WORK/own/client:/certs/client:ro" IMAGE version)"
	status=0
	client -e DOCKER_HOST=tcp://docker:2376 -e DOCKER_TLS_CERTDIR= IMAGE version || status=$?
	assert_eq 1 "$status" 'without a certificate'
	# As in docker:dind ours are made beside them.
	box own sh -c 'test -s /certs/client/key.pem && test -s /certs/server/ca.pem'
	docker rm -f -v "$(box_name own)" >/dev/null
	# Two of the three, in an empty volume: whom to let in is then said by our CA, and who this is by their certificate.
	certs=$(volume partly)
	dind_start partly -v "$certs:/certs" -v "$WORK/own:/own:ro" IMAGE --tlscert=/own/cert.pem --tlskey=/own/key.pem
	box_log_has partly 'DIND-TLS-11'
	for f in cert key; do box partly cat "/certs/client/$f.pem" >"$WORK/own/client/$f.pem"; done
	assert_match '^Server:' "$(client -v "$WORK/own/client:/certs/client:ro" IMAGE version)"
	for f in cert key; do cp "$WORK/own/client-$f.pem" "$WORK/own/client/$f.pem"; done
	status=0
	client -v "$WORK/own/client:/certs/client:ro" IMAGE version || status=$?
	assert_eq 1 "$status" 'with a certificate of another CA'
}

@test "docker-dind: --userns-remap=default works" {
	dind_start remap -e DOCKER_TLS_CERTDIR= IMAGE --userns-remap=default
	box_import remap
	assert_match '^ *0 +165536 +65536$' "$(client IMAGE run --rm bb cat /proc/self/uid_map)"
}

@test "docker-dind: DOCKER_IPTABLES_LEGACY: set is legacy, empty is nf_tables, and the engine uses what was printed" {
	box_run nft -e DOCKER_IPTABLES_LEGACY= IMAGE --version
	assert_match '^iptables v[0-9.]+ \(nf_tables\)$' "$out"
	assert_match '^Docker version ' "$out"
	box_run legacy -e DOCKER_IPTABLES_LEGACY=1 IMAGE --version
	assert_match '^iptables v[0-9.]+ \(legacy\)$' "$out"
	box_run auto IMAGE --version
	assert_match '^iptables v[0-9.]+ \((nf_tables|legacy)\)$' "$out"
	dind_start tables -e DOCKER_IPTABLES_LEGACY= -e DOCKER_TLS_CERTDIR= IMAGE
	assert_match 'DOCKER' "$(box tables iptables-nft -w -t nat -S)" 'rules in nf_tables'
	docker rm -f -v "$(box_name tables)" >/dev/null
	box_create tables2 -e DOCKER_IPTABLES_LEGACY=1 -e DOCKER_TLS_CERTDIR= IMAGE
	docker start "$(box_name tables2)" >/dev/null
	if docker run --rm --privileged --label "dind-run=$RUN" "$IMAGE" sh -c 'iptables-legacy -w -t nat -nL >/dev/null 2>&1'; then
		box_ready tables2
		assert_match 'DOCKER' "$(box tables2 iptables-legacy -w -t nat -S)" 'rules in the legacy tables'
	else # a kernel without them: that is said, and dockerd not even started
		assert_eq 71 "$(box_wait tables2)" status
		box_log_has tables2 'DIND-NET-06'
	fi
}

@test "docker-dind: statuses: dockerd's own, 128+n, 127, 126" {
	box_run flag IMAGE --no-such-flag
	[ "$status" = 1 ] || [ "$status" = 125 ] || fail "an unknown flag: status $status"
	assert_match 'unknown flag: --no-such-flag' "$err"
	box_run fatal -e DOCKER_TLS_CERTDIR= IMAGE --log-level=nonsense
	assert_eq 1 "$status" 'a fatal error of dockerd'
	box_run missing -e PATH=/nonexistent --entrypoint /usr/local/bin/dockerd-entrypoint.sh IMAGE
	assert_eq 127 "$status" 'no dockerd'
	mkdir -p "$WORK/plain-file"
	: >"$WORK/plain-file/dockerd"
	box_run file -v "$WORK/plain-file:/x:ro" -e PATH=/x --entrypoint /usr/local/bin/dockerd-entrypoint.sh IMAGE
	assert_eq 126 "$status" 'a dockerd that is no program'
	dind_start killed IMAGE
	box killed sh -c 'kill -9 "$(pidof dockerd)"'
	assert_eq 137 "$(box_wait killed)" 'dockerd killed'
}

# ---- not root -------------------------------------------------------------------------------------------------------

@test "docker-dind: not root: status 1, and what a rootless engine would lack, in docker:dind's order" {
	mkdir -p "$WORK/rootless" "$WORK/home"
	printf '#!/bin/sh\n' >"$WORK/rootless/rootlesskit"
	chmod 0755 "$WORK/rootless/rootlesskit"
	chmod 0777 "$WORK/home"
	echo 'somebody:100000:65536' >"$WORK/other-ids"
	echo '1000:100000:65536' >"$WORK/ids"
	kit=(--user 1000 -v "$WORK/rootless:/kit:ro" -e PATH=/kit:/usr/local/bin:/usr/bin:/bin)
	ids=(-v "$WORK/ids:/etc/subuid:ro" -v "$WORK/ids:/etc/subgid:ro")
	refused() {
		box_run "$1" "${@:3}"
		assert_eq 1 "$status" status
		assert_match "$2" "$err"
		assert_eq '' "$out" stdout
	}
	refused kit 'there is no rootlesskit' --user 1000 IMAGE
	refused kit2 'there is no rootlesskit' --user 1000 IMAGE dockerd
	refused ids 'no range of subordinate ids .*see /etc/subuid and /etc/subgid, user 1000' "${kit[@]}" \
		-v "$WORK/other-ids:/etc/subuid:ro" IMAGE
	refused ids2 'no range of subordinate ids' "${kit[@]}" -v "$WORK/ids:/etc/subuid:ro" IMAGE
	refused home 'writable HOME \(/nonexistent\) and XDG_RUNTIME_DIR \(/run/user/1000\) for user 1000' "${kit[@]}" "${ids[@]}" \
		-e HOME=/nonexistent IMAGE
	refused runtime 'writable HOME .* XDG_RUNTIME_DIR \(/sys/x\)' "${kit[@]}" "${ids[@]}" -v "$WORK/home:/h" -e HOME=/h \
		-e XDG_RUNTIME_DIR=/sys/x IMAGE
	# On a kernel that refuses user namespaces this is said before that (each of them: tests/ns/test_rootless.c).
	refused version 'not in this version|unprivileged_userns_clone|max_user_namespaces' "${kit[@]}" "${ids[@]}" -v "$WORK/home:/h" \
		-e HOME=/h -e XDG_RUNTIME_DIR=/h/run IMAGE
	# A client needs no root.
	box_run_plain client --user 1000 IMAGE echo X
	assert_eq X "$out"
}

# ---- a client -------------------------------------------------------------------------------------------------------

@test "docker-dind: any other command runs as it is: IMAGE echo X prints X and nothing else" {
	box_run_plain echo IMAGE echo X
	assert_eq 0 "$status" status
	assert_eq X "$out"
	assert_eq '' "$err" stderr
	# In our place: same pid, arguments, status; no engine, no mount.
	box_run pid IMAGE sh -c 'echo "$$ $# $1 $2"; pidof dockerd; grep SigBlk /proc/self/status; test -e /run/dind && echo prepared; exit 7' \
		x 'a  b' ''
	assert_eq 7 "$status" status
	assert_eq "1 2 a  b "$'\n''SigBlk:	0000000000000000' "$out"
	box_run_plain none IMAGE no-such-command
	assert_eq 127 "$status" 'no such command'
	box_run_plain directory IMAGE /etc
	assert_eq 126 "$status" 'not executable'
	# An empty first argument is no flag and not dockerd: a client's command line.
	box_run_plain empty IMAGE ''
	[ "$status" != 0 ]
	refute_match 'DIND-LISTEN' "$err" 'no engine is prepared'
}

@test "docker-dind: commands of docker and its plugins get docker before them, also through docker-entrypoint.sh" {
	entry=(--entrypoint docker-entrypoint.sh)
	box_run_plain dash "${entry[@]}" IMAGE --version
	assert_match '^Docker version ' "$out"
	box_run_plain command IMAGE help run
	assert_match 'Create and run a new container' "$out"
	box_run_plain plugin "${entry[@]}" IMAGE compose version
	assert_match 'Compose version' "$out"
	box_run_plain whole "${entry[@]}" IMAGE docker --version
	assert_match '^Docker version ' "$out"
	box_run_plain bare "${entry[@]}" IMAGE
	assert_eq 64 "$status" 'no command'
	begin=$(now_ms)
	box_run_plain daemon "${entry[@]}" IMAGE dockerd --version
	assert_match 'dockerd-entrypoint.sh' "$err" 'the hint'
	[ $(($(now_ms) - begin)) -ge 3000 ]
	assert_match '^Docker version ' "$out"
}

@test "docker-dind: DOCKER_HOST of a client: what was given, the socket, then docker:2376 or docker:2375" {
	host_of() {
		box_run_plain "$1" "${@:2}" IMAGE sh -c 'echo "<$DOCKER_HOST> <$DOCKER_TLS_VERIFY> <$DOCKER_CERT_PATH>"'
		out=${out%%$'\n'*}
	}
	mkdir -p "$WORK/client-certs" "$WORK/sock"
	for f in ca cert key; do echo x >"$WORK/client-certs/$f.pem"; done
	host_of none
	assert_eq '<tcp://docker:2375> <> <>' "$out"
	host_of verify -e DOCKER_TLS_VERIFY=1
	assert_eq '<tcp://docker:2376> <1> <>' "$out"
	host_of certs -v "$WORK/client-certs:/certs/client:ro"
	assert_eq '<tcp://docker:2376> <1> </certs/client>' "$out"
	host_of given -e DOCKER_HOST=tcp://h:1 -v "$WORK/client-certs:/certs/client:ro"
	assert_eq '<tcp://h:1> <1> </certs/client>' "$out"
	host_of own -e DOCKER_HOST=tcp://h:1 -e DOCKER_CERT_PATH=/c -v "$WORK/client-certs:/certs/client:ro"
	assert_eq '<tcp://h:1> <> </c>' "$out"
	host_of unix -e DOCKER_HOST=unix:///x -v "$WORK/client-certs:/certs/client:ro"
	assert_eq '<unix:///x> <> <>' "$out"
	# A socket that is there comes first.
	dind_start socket -v "$WORK/sock:/run/shared" IMAGE --host unix:///run/shared/docker.sock
	host_of mounted -v "$WORK/sock/docker.sock:/var/run/docker.sock" -v "$WORK/client-certs:/certs/client:ro"
	assert_match '^<(unix:///var/run/docker.sock)?> <> <>$' "$out"
	box_run_plain version -v "$WORK/sock/docker.sock:/var/run/docker.sock" IMAGE version
	assert_match '^Server:' "$out"
	host_of runtime -e XDG_RUNTIME_DIR=/xdg -v "$WORK/sock:/xdg"
	assert_eq '<unix:///xdg/docker.sock> <> <>' "$out"
}

# ---- other engines and clients --------------------------------------------------------------------------------------

# images/dind has these names, too; its docker is 20.10 in bookworm and 28 or later in sid. DIND_SOAK=1: bullseye's, too.
@test "docker-dind: the same entry points upon the engines and clients of bookworm and sid" {
	suites=(bookworm sid)
	[ "${DIND_SOAK:-0}" != 1 ] || suites+=(bullseye)
	for suite in "${suites[@]}"; do
		IMAGE=dind-init/dind:$suite
		docker image inspect "$IMAGE" >/dev/null 2>&1 || engine_skip "no image $IMAGE: scripts/images --build-arg SUITE=$suite dind"
		entry=(--entrypoint docker-entrypoint.sh)
		box_run_plain "echo-$suite" "${entry[@]}" IMAGE echo X
		assert_eq X "$out" "$suite: a command of the system"
		box_run_plain "version-$suite" "${entry[@]}" IMAGE version -f '{{.Client.Version}}'
		assert_match '^(20\.10|2[89]|[3-9][0-9])\.' "$out" "$suite: a command of docker"
		box_run_plain "none-$suite" "${entry[@]}" IMAGE no-such-command
		assert_eq 127 "$status" "$suite: a command of neither"
		dind_start "tls-$suite" -e DOCKER_TLS_CERTDIR=/certs --entrypoint dockerd-entrypoint.sh IMAGE --label "from=$suite"
		assert_match '^iptables v[0-9.]+ ' "$(stdout_of "tls-$suite")" "$suite: standard output"
		assert_eq "[\"from=$suite\"]" "$(box "tls-$suite" env DOCKER_HOST=tcp://localhost:2376 DOCKER_TLS_VERIFY=1 \
			DOCKER_CERT_PATH=/certs/client docker info -f '{{json .Labels}}')" "$suite: over TLS"
		box_stop "tls-$suite"
		assert_eq 0 "$status" "$suite: status after docker stop"
	done
}
