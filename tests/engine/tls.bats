#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --tls-dir: a TCP listener that serves those who have a certificate of its CA, and nobody else. Clients are the docker CLI
# in another container, curl and openssl s_client.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	docker network create --label "dind-run=$RUN" "$RUN" >/dev/null
	curl_copy
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() {
	engine_teardown_file
	[ -n "${ENGINE_MISSING:-}" ] || docker network rm "$RUN" >/dev/null
}

# tls_start NAME [docker's options] IMAGE [arguments]: a box with a TLS listener, called `docker` in the network.
tls_start() {
	local name=$1 options=()
	shift
	while [ "$1" != IMAGE ]; do
		options+=("$1")
		shift
	done
	shift
	box_start "$name" --network "$RUN" --network-alias docker "${options[@]}" IMAGE \
		--tls-dir /certs --host tcp://0.0.0.0:2376 --host unix:///var/run/docker.sock "$@"
	box_ready "$name"
}

# client VOLUME COMMAND...: in another container of that network, with the client certificate mounted read-only.
client() {
	docker run --rm --label "dind-run=$RUN" --network "$RUN" -v "$1:/certs/client:ro" \
		-e DOCKER_HOST=tcp://docker:2376 -e DOCKER_TLS_VERIFY=1 -e DOCKER_CERT_PATH=/certs/client \
		--entrypoint "$2" "$IMAGE" "${@:3}"
}

serial() { box "$1" cat "/certs/$2/cert.pem" | openssl x509 -noout -serial; }
names() { box "$1" cat /certs/server/cert.pem | openssl x509 -noout -ext subjectAltName; }
address() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$RUN-$1"; }

# over NAME COMMAND...: in another container that shares the box's network.
over() {
	docker run --rm -i --label "dind-run=$RUN" --network "container:$RUN-$1" -v "$WORK:$WORK:ro" --entrypoint "$2" \
		"$IMAGE" "${@:3}"
}

@test "tls: docker in another container works with the client certificate, over the name docker" {
	certs=$(volume client)
	tls_start tls -v "$certs:/certs/client" IMAGE
	assert_match 'Server:' "$(client "$certs" docker version)" 'docker version over TLS'
	assert_eq 0 "$(client "$certs" docker ps -q | wc -l)"
	box_import tls
	assert_eq over-tls "$(client "$certs" docker run --rm bb echo over-tls)" 'docker run over TLS'
	box tls sh -c 'cd /certs && stat -c "%a %n" ca/* server/* client/*' >"$WORK/modes"
	assert_eq '644 ca/cert.pem
644 ca/cert.srl
600 ca/key.pem
644 server/ca.pem
644 server/cert.pem
644 server/csr.pem
600 server/key.pem
644 server/openssl.cnf
644 client/ca.pem
644 client/cert.pem
644 client/csr.pem
644 client/key.pem
644 client/openssl.cnf' "$(cat "$WORK/modes")" 'modes'
}

@test "tls: curl with the client certificate by name, address and localhost; not without one, not in plain HTTP" {
	tls_start tls IMAGE
	mkdir -p "$WORK/client"
	for f in ca cert key; do box tls cat "/certs/client/$f.pem" >"$WORK/client/$f.pem"; done
	for host in localhost 127.0.0.1 "$(address tls)" docker; do
		assert_eq OK "$(over tls "$CURL/curl" --cacert "$WORK/client/ca.pem" --cert "$WORK/client/cert.pem" \
			--key "$WORK/client/key.pem" "https://$host:2376/_ping")" "curl to $host"
	done
	status=0
	over tls "$CURL/curl" --cacert "$WORK/client/ca.pem" https://localhost:2376/_ping || status=$?
	[ "$status" != 0 ]
	# Without a certificate the handshake, or the first answer in TLS 1.3, is an alert.
	reply=$(over tls openssl s_client -connect localhost:2376 -CAfile "$WORK/client/ca.pem" -quiet \
		2>&1 < <(printf 'GET /_ping HTTP/1.0\r\n\r\n'; sleep 1)) || true
	assert_match 'alert (bad certificate|certificate required)' "$reply" 'without a client certificate'
	refute_match '200 OK' "$reply"
	# Who is not of this CA is not let in either.
	over tls bash -c 'cd /tmp && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out c -subj /CN=x 2>/dev/null
		(printf "GET /_ping HTTP/1.0\r\n\r\n"; sleep 1) | openssl s_client -connect localhost:2376 -cert c -key k -quiet 2>&1' >"$WORK/foreign" || true
	assert_match 'alert' "$(cat "$WORK/foreign")" 'with a certificate of another CA'
	refute_match '200 OK' "$(cat "$WORK/foreign")"
	plain=$(over tls bash -c 'exec 3<>/dev/tcp/127.0.0.1/2376; printf "GET /_ping HTTP/1.0\r\n\r\n" >&3; timeout 5 cat <&3')
	assert_match '400 Bad Request' "$plain" 'plain HTTP to the TLS port'
	refute_match '200 OK' "$plain"
}

@test "tls: a second start keeps the certificates; another address makes a new one for the server alone" {
	tls_start tls IMAGE
	ca=$(serial tls ca) server=$(serial tls server) client=$(serial tls client)
	[ "$server" != "$client" ] && [ "$server" != "$ca" ]
	docker restart "$(box_name tls)" >/dev/null
	box_ready tls
	box_log_has tls 'DIND-TLS-01: the certificates in /certs are good and stay'
	assert_eq "$ca $server $client" "$(serial tls ca) $(serial tls server) $(serial tls client)" 'serial numbers'

	docker stop "$(box_name tls)" >/dev/null
	docker network disconnect "$RUN" "$(box_name tls)"
	docker network connect bridge "$(box_name tls)"
	docker start "$(box_name tls)" >/dev/null
	box_ready tls
	assert_eq "$ca $client" "$(serial tls ca) $(serial tls client)" 'CA and client'
	[ "$server" != "$(serial tls server)" ]
	assert_match "IP Address:$(address tls)(,|$)" "$(names tls)" 'names'
}

@test "tls: names of this container, and those of DOCKER_TLS_SAN; a bad entry is named" {
	tls_start tls --hostname box.example -e DOCKER_TLS_SAN='DNS:ci.example,IP:192.0.2.7' IMAGE
	for name in DNS:docker DNS:localhost DNS:box.example DNS:box DNS:ci.example 'IP Address:192.0.2.7' \
		'IP Address:127.0.0.1' "IP Address:$(address tls)"; do
		assert_match "$name(,|\$)" "$(names tls)" 'names'
	done
	box_run bad -e DOCKER_TLS_SAN='DNS:ok,IP:300.1.1.1' IMAGE --tls-dir /certs --host tcp://127.0.0.1:2376
	assert_eq 78 "$status" status
	assert_match "DIND-TLS-02: 'IP:300.1.1.1' in DOCKER_TLS_SAN" "$err"
}

@test "tls: DOCKER_TLS_CERTDIR does the same, --tls-key rsa makes RSA keys, and COMMAND is told where its own is" {
	box_run cmd -e DOCKER_TLS_CERTDIR=/c -e DOCKER_CERT_PATH=/leaked IMAGE --tls-key rsa --host tcp://0.0.0.0:2376 -- \
		sh -c 'echo "$DOCKER_HOST $DOCKER_TLS_VERIFY $DOCKER_CERT_PATH"; docker version --format {{.Server.Os}}; cat /c/server/cert.pem'
	assert_eq 0 "$status" status
	assert_match '^tcp://127.0.0.1:2376 1 /c/client$' "$out"
	assert_match '^linux$' "$out" 'docker version over TLS'
	assert_match 'rsaEncryption' "$(openssl x509 -noout -text <<<"$out")" 'the key of the server'
	# A unix socket beside it is what COMMAND gets, and it needs no TLS.
	box_run unix -e DOCKER_TLS_VERIFY=1 IMAGE --tls-dir /c --host tcp://0.0.0.0:2376 --host unix:///var/run/docker.sock -- \
		sh -c 'echo "$DOCKER_HOST <$DOCKER_TLS_VERIFY>"; docker version --format {{.Server.Os}}'
	assert_match '^unix:///var/run/docker.sock <>$' "$out"
	assert_match '^linux$' "$out"
}

@test "tls: one's own certificates, mounted read-only, are used as they are; bad ones are refused with the file" {
	mine=$WORK/mine
	mkdir -p "$mine/server"
	(
		cd "$mine"
		openssl req -x509 -newkey rsa:2048 -nodes -keyout ca-key.pem -out server/ca.pem -days 2 -subj /CN=myca
		openssl req -newkey rsa:2048 -nodes -keyout server/key.pem -out csr.pem -subj /CN=me
		openssl x509 -req -in csr.pem -CA server/ca.pem -CAkey ca-key.pem -CAcreateserial -days 1 -out server/cert.pem \
			-extfile <(echo 'subjectAltName=DNS:docker')
		touch db
		echo 01 >serial
		printf '%s\n' '[ca]' default_ca=d '[d]' database=db serial=serial new_certs_dir=. default_md=sha256 policy=p '[p]' \
			commonName=supplied >ca.cnf
		openssl ca -batch -notext -config ca.cnf -cert server/ca.pem -keyfile ca-key.pem -in csr.pem -out expired.pem \
			-startdate 20200101000000Z -enddate 20210101000000Z
	) >/dev/null 2>&1
	box_start mine -v "$mine/server:/certs/server:ro" IMAGE --tls-dir /certs --host tcp://0.0.0.0:2376
	box_ready mine
	box_log_has mine 'DIND-TLS-01: .*/certs/server/cert.pem is yours and good until'
	box_log_has mine 'warning: DIND-TLS-01: /certs/server/cert.pem expires on'
	box mine sh -c '! test -e /certs/ca && ! test -e /certs/client'

	cp -r "$mine/server" "$mine/other"
	openssl genrsa -out "$mine/other/key.pem" 2048 2>/dev/null
	box_run other -v "$mine/other:/certs/server:ro" IMAGE --tls-dir /certs --host tcp://0.0.0.0:2376
	assert_eq 78 "$status" status
	assert_match 'DIND-TLS-04: /certs/server/key.pem is not the key of /certs/server/cert.pem' "$err"

	cp "$mine/server/key.pem" "$mine/other/key.pem"
	cp "$mine/expired.pem" "$mine/other/cert.pem"
	box_run expired -v "$mine/other:/certs/server:ro" IMAGE --tls-dir /certs --host tcp://0.0.0.0:2376
	assert_eq 78 "$status" status
	assert_match 'DIND-TLS-03: /certs/server/cert.pem has expired on 2021-01-01' "$err"
}

@test "tls: what cannot be written ends the start with 71 and the path" {
	mkdir -p "$WORK/empty"
	box_run ro -v "$WORK/empty:/certs:ro" IMAGE --tls-dir /certs --host tcp://0.0.0.0:2376
	assert_eq 71 "$status" status
	assert_match 'DIND-TLS-09: make /certs/ca: Read-only file system' "$err"
}
