#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Real clients: docker CLIs older and newer than the engine, compose, curl and openssl, over TLS from other containers; a
# client and an engine that do not understand each other are told apart; starts in a row with a client each.
# DIND_SOAK=1: all engines with all clients, and fifty starts.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

CLI_IMAGE=dind-init/dind

setup_file() {
	export DIND_TEST_IMAGE=${DIND_TEST_DOCKER_DIND:-dind-init/docker-dind:trixie} CERTS
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	docker network create --label "dind-run=$RUN" "$RUN" >/dev/null
	curl_copy
	CERTS=$(volume certs)
	# One engine for all: the official image's contract, with TLS, and an API floor that an old client does not reach.
	box_start engine --network "$RUN" --network-alias docker -v "$CERTS:/certs/client" -v "$(volume data):/var/lib/docker" IMAGE
	box_ready engine
	box_import engine
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() {
	engine_teardown_file
	[ -n "${ENGINE_MISSING:-}" ] || docker network rm "$RUN" >/dev/null
}

# cli IMAGE COMMAND...: another container of that network with the client certificate; HOST_OF: another engine.
cli() {
	docker run --rm -i --label "dind-run=$RUN" --network "$RUN" -v "${CERTS_OF:-$CERTS}:/certs/client:ro" \
		-e "DOCKER_HOST=tcp://${HOST_OF:-docker}:2376" -e DOCKER_TLS_VERIFY=1 -e DOCKER_CERT_PATH=/certs/client \
		--entrypoint "$2" "$1" "${@:3}"
}

# whole_use SUITE VERSION-REGEX: the client of that suite does what clients do.
whole_use() {
	local image=$CLI_IMAGE:$1 tag=${HOST_OF:-docker}-$1
	docker image inspect "$image" >/dev/null 2>&1 || engine_skip "no image $image: scripts/images --build-arg SUITE=$1 dind makes it"
	assert_match "$2" "$(cli "$image" docker version -f '{{.Client.Version}}')" 'version of the client'
	assert_eq "said-$tag" "$(cli "$image" docker run --rm bb echo "said-$tag")" 'docker run'
	assert_eq 'through' "$(echo through | cli "$image" docker run --rm -i bb cat)" 'standard input over a connection that is taken over'
	printf 'FROM bb\nRUN echo "built-%s" >/word\nCMD ["cat", "/word"]\n' "$tag" |
		cli "$image" env DOCKER_BUILDKIT=0 docker build -q -t "$tag" - >/dev/null
	assert_eq "built-$tag" "$(cli "$image" docker run --rm "$tag")" 'what was built'
	assert_match '^overlay2$' "$(cli "$image" docker info -f '{{.Driver}}')" 'docker info'
}

@test "clients: docker 20.10 over TLS" { whole_use bookworm '^20\.10\.'; }
@test "clients: docker 26.1 over TLS" { whole_use trixie '^26\.1\.'; }
@test "clients: docker 28 over TLS, newer than the engine" { whole_use sid '^2[89]\.|^[3-9][0-9]\.'; }

@test "clients: compose, as a plugin and as docker-compose" {
	for compose in 'docker compose' docker-compose; do
		# shellcheck disable=SC2086
		out=$(cli "$IMAGE" sh -c 'mkdir /work && cd /work && cat >compose.yaml && exec "$@"' sh $compose -p "p$RANDOM" up \
			--abort-on-container-exit <<<'{services: {one: {image: bb, command: ["echo", "composed"]}}}' 2>&1)
		assert_match 'composed' "$out" "$compose"
	done
}

@test "clients: curl and openssl s_client with the client certificate" {
	mkdir -p "$WORK/pem"
	for f in ca cert key; do box engine cat "/certs/client/$f.pem" >"$WORK/pem/$f.pem"; done
	in_net() { docker run --rm -i --label "dind-run=$RUN" --network "$RUN" -v "$WORK:$WORK:ro" --entrypoint "$1" "$CLI_IMAGE:trixie" "${@:2}"; }
	assert_match '"ApiVersion":' "$(in_net "$CURL/curl" --cacert "$WORK/pem/ca.pem" --cert "$WORK/pem/cert.pem" \
		--key "$WORK/pem/key.pem" https://docker:2376/version)" curl
	reply=$(in_net openssl s_client -connect docker:2376 -verify_return_error -verify_hostname docker -CAfile "$WORK/pem/ca.pem" \
		-cert "$WORK/pem/cert.pem" -key "$WORK/pem/key.pem" -quiet 2>&1 < <(printf 'GET /_ping HTTP/1.0\r\n\r\n'; sleep 2))
	assert_match '200 OK' "$reply" 's_client'
}

# doctor_of [docker's options]: what doctor says in an unprivileged container of the network; sets out.
doctor_of() {
	box_run_plain "doctor-$RANDOM" --network "$RUN" -e DOCKER_TLS_CERTDIR= "$@" --entrypoint dind-init IMAGE doctor
}

@test "clients: doctor tells plain HTTP to the TLS port from TLS to the plain one, and from nobody there" {
	box_start plain --network "$RUN" --network-alias plain -e DOCKER_TLS_CERTDIR= IMAGE
	box_ready plain
	doctor_of -e DOCKER_HOST=tcp://docker:2376
	assert_match 'DIND-CLIENT-01: tcp://docker:2376 speaks TLS, and docker speaks plain HTTP here' "$out"
	# docker says so too, in its words
	status=0
	out=$(docker run --rm --label "dind-run=$RUN" --network "$RUN" -e DOCKER_HOST=tcp://docker:2376 --entrypoint docker \
		"$CLI_IMAGE:trixie" version 2>&1) || status=$?
	assert_match 'client sent an HTTP request to an HTTPS server' "$out" "docker's words"
	doctor_of -e DOCKER_HOST=tcp://plain:2375 -e DOCKER_TLS_VERIFY=1 -e DOCKER_CERT_PATH=/certs/client -v "$CERTS:/certs/client:ro"
	assert_match 'DIND-CLIENT-02: tcp://plain:2375 speaks plain HTTP, and DOCKER_TLS_VERIFY makes docker speak TLS here' "$out"
	out=$(docker run --rm --label "dind-run=$RUN" --network "$RUN" -v "$CERTS:/certs/client:ro" -e DOCKER_HOST=tcp://plain:2375 \
		-e DOCKER_TLS_VERIFY=1 -e DOCKER_CERT_PATH=/certs/client --entrypoint docker "$CLI_IMAGE:trixie" version 2>&1) || true
	assert_match 'server gave HTTP response to HTTPS client|does not look like a TLS handshake' "$out" "docker's words"
	doctor_of -e DOCKER_HOST=tcp://plain:2376
	assert_match 'DIND-CLIENT-03: nobody listens on tcp://plain:2376' "$out"
	doctor_of -e DOCKER_HOST=tcp://plain:2375
	refute_match 'DIND-CLIENT-' "$out"
	doctor_of -e DOCKER_HOST=tcp://docker:2376 -e DOCKER_TLS_VERIFY=1
	refute_match 'DIND-CLIENT-' "$out"
	assert_match 'DIND-REMOTE-12: /root/.docker/ca.pem' "$out" 'no certificates'
	doctor_of -e DOCKER_HOST=tcp://docker:2376 -e DOCKER_TLS_VERIFY=1 -e DOCKER_CERT_PATH=/certs/client -v "$CERTS:/certs/client:ro"
	refute_match 'DIND-(CLIENT|REMOTE)-' "$out"
}

@test "clients: a client that is too old for the engine is named, with both versions" {
	IMAGE=$CLI_IMAGE:trixie
	docker image inspect "$CLI_IMAGE:bookworm" >/dev/null 2>&1 || engine_skip "no image $CLI_IMAGE:bookworm"
	# 26.1 with the floor that 29 has by itself.
	box_start floor --network "$RUN" --network-alias floor -e DOCKER_MIN_API_VERSION=1.44 IMAGE --insecure-tcp --host tcp://0.0.0.0:2375
	box_ready floor
	IMAGE=$CLI_IMAGE:bookworm
	doctor_of -e DOCKER_HOST=tcp://floor:2375
	assert_match 'DIND-CLIENT-04: docker 20\.10\.[0-9a-z.+]+ speaks the API up to 1\.41 here, and engine 26\.1\.[0-9a-z.+]+ on tcp://floor:2375 takes 1\.44 at least' "$out"
	out=$(docker run --rm --label "dind-run=$RUN" --network "$RUN" -e DOCKER_HOST=tcp://floor:2375 --entrypoint docker "$IMAGE" ps 2>&1) || true
	assert_match 'client version 1\.41 is too old' "$out" "docker's words"
	# an agent that is given that engine hears of it before its COMMAND does
	box_run_plain agent --network "$RUN" -e DOCKER_TLS_CERTDIR= -e DOCKER_HOST=tcp://floor:2375 --entrypoint dind-init IMAGE --mode remote -- true
	assert_eq 0 "$status" 'COMMAND may have another use for it'
	assert_match 'DIND-CLIENT-04.*docker 20\.10\.[0-9a-z.+]+ speaks the API up to 1\.41 here' "$err"
	IMAGE=$CLI_IMAGE:trixie
	doctor_of -e DOCKER_HOST=tcp://floor:2375
	refute_match 'DIND-CLIENT-' "$out"
}

@test "clients: starts in a row, each with clients of the first moment: none refused, none lost" {
	local n=5 i
	[ "${DIND_SOAK:-0}" != 1 ] || n=50
	IMAGE=$CLI_IMAGE:trixie
	for ((i = 1; i <= n; i++)); do
		mkdir -p "$WORK/row-$i"
		first_client "$WORK/row-$i/docker.sock" >"$WORK/first" 2>&1 3>&- &
		client=$!
		box_run "row-$i" -v "$WORK/row-$i:/s" IMAGE --no-wait --tls-dir /c --host tcp://127.0.0.1:2376 --host unix:///s/docker.sock \
			-- docker -H tcp://127.0.0.1:2376 --tlsverify --tlscacert /c/client/ca.pem --tlscert /c/client/cert.pem \
			--tlskey /c/client/key.pem info -f '{{.OSType}}'
		wait "$client" || true
		assert_eq "0 linux" "$status $out" "start $i of $n: docker over TLS"
		assert_match '^waited=yes refused=0 HTTP/1\.. 200' "$(<"$WORK/first")" "start $i of $n: the unix socket"
		docker rm -f -v "$(box_name "row-$i")" >/dev/null
	done
	echo "# $n starts: none refused, none lost" >&3
}

@test "clients: each engine with each client" {
	[ "${DIND_SOAK:-0}" = 1 ] || { echo '# one engine in CI, all with DIND_SOAK=1' >&3; return 0; }
	for suite in bullseye bookworm trixie sid; do
		IMAGE=$CLI_IMAGE:$suite
		docker image inspect "$IMAGE" >/dev/null
		HOST_OF=e$suite CERTS_OF=$(volume "certs-$suite")
		box_start "$HOST_OF" --network "$RUN" --network-alias "$HOST_OF" --hostname "$HOST_OF" -v "$CERTS_OF:/certs/client" IMAGE \
			--tls-dir /certs --host tcp://0.0.0.0:2376 --host unix:///var/run/docker.sock
		box_ready "$HOST_OF"
		box_import "$HOST_OF"
		whole_use bullseye '^20\.10\.5'
		whole_use bookworm '^20\.10\.'
		whole_use trixie '^26\.1\.'
		whole_use sid '^2[89]\.'
		docker rm -f -v "$(box_name "$HOST_OF")" >/dev/null
	done
}
