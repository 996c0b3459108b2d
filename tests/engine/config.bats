#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The engine's configuration: daemon.json, variables, options and flags in one file; SIGHUP; registries that are plain,
# mirrored, or have a certificate of an authority of their own. The registries are Debian's docker-registry.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	export ETC=$WORK/etc REG=$WORK/reg
	mkdir -p "$ETC/certs.d/registry:5003" "$REG"
	docker network create --label "dind-run=$RUN" "$RUN" >/dev/null
	cp "$(bash -c 'set -euo pipefail; . "$TOP/scripts/lib.sh"; registry_get')" "$REG/docker-registry"
	authority a
	authority b
	registries
	cp "$REG/b.pem" "$ETC/certs.d/registry:5003/ca.crt"
	daemon_json '"labels": ["from=file"], "max-concurrent-uploads": 2, "insecure-registries": ["10.9.9.9"],
		"hosts": ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2375"]'
	main_start
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() {
	engine_teardown_file
	[ -n "${ENGINE_MISSING:-}" ] || docker network rm "$RUN" >/dev/null
}

daemon_json() { printf '{ %s }\n' "$1" >"$ETC/daemon.json"; }

# authority NAME: a CA, and a certificate of it for `registry`.
authority() {
	local at=$REG/$1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=CA $1" \
		-keyout "$at-ca.key" -out "$at.pem" 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=registry \
		-keyout "$at.key" -out "$at.csr" 2>/dev/null
	openssl x509 -req -in "$at.csr" -CA "$at.pem" -CAkey "$at-ca.key" -CAcreateserial -days 2 \
		-extfile <(echo subjectAltName=DNS:registry) -out "$at.crt" 2>/dev/null
	chmod 0644 "$at.key"
}

# Four of them in one container: 5000 plain, 5001 a mirror of that, 5002 and 5003 over TLS by authorities a and b.
registries() {
	local run='REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/srv/$1 REGISTRY_HTTP_ADDR=:$1 exec /reg/docker-registry serve /reg/config.yml'
	printf 'version: 0.1\nlog: { level: info }\nstorage: { filesystem: { rootdirectory: /srv/x } }\nhttp: { addr: ":1" }\n' \
		>"$REG/config.yml"
	docker run -d --name "$(box_name registry)" --label "dind-run=$RUN" --network "$RUN" --network-alias registry \
		-v "$REG:/reg:ro" --entrypoint sh "$IMAGE" -c "
		serve() { $run; }
		serve 5000 &
		# It asks the other one before it listens itself.
		(
			for _ in \$(seq 200); do
				bash -c 'exec 3<>/dev/tcp/127.0.0.1/5000' 2>/dev/null && break
				sleep 0.1
			done
			REGISTRY_PROXY_REMOTEURL=http://127.0.0.1:5000 serve 5001 >/tmp/mirror.log 2>&1
		) &
		REGISTRY_HTTP_TLS_CERTIFICATE=/reg/a.crt REGISTRY_HTTP_TLS_KEY=/reg/a.key serve 5002 &
		REGISTRY_HTTP_TLS_CERTIFICATE=/reg/b.crt REGISTRY_HTTP_TLS_KEY=/reg/b.key serve 5003 &
		wait" >/dev/null
	for port in 5000 5001 5002 5003; do
		until_true 20 "the registry on port $port listens" \
			docker exec "$(box_name registry)" bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
	done
}

# The box of most cases: a file, variables of ours, a flag of dockerd's, and what a CI system leaks. Options come by
# variables, so that `docker exec … plan` sees them too.
main_start() {
	box_start main --network "$RUN" -v "$ETC:/etc/docker:ro" -v "$REG:/reg:ro" \
		-e DIND_REGISTRY_MIRROR=http://registry:5001 -e DIND_INSECURE_REGISTRY='registry:5000 registry:5001' \
		-e DIND_MTU=1380 -e DIND_DNS=192.0.2.53 -e DIND_ADDRESS_POOL=10.213.0.0/16,24 -e DIND_ENGINE_CA=/reg/a.pem \
		-e DIND_DOCKERD_ARGS='--max-concurrent-downloads 5' \
		-e DOCKER_HOST=tcp://192.0.2.1:2375 -e DOCKER_TLS_VERIFY=1 -e DOCKER_CERT_PATH=/nowhere -e DOCKER_DRIVER=overlay2 \
		-e HTTP_PROXY=http://user:secret@127.0.0.1:9 -e NO_PROXY=registry IMAGE
	box_ready main
	box_import main env -u DOCKER_HOST -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH
}

# in_main COMMAND...: without what clients of another engine were told.
in_main() { box main env -u DOCKER_HOST -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH -u HTTP_PROXY "$@"; }
info() { in_main docker info -f "$1"; }

# ---- one file -------------------------------------------------------------------------------------------------------

@test "config: file, variables and flags are one configuration, and the user's file stays as it is" {
	before=$(sha256sum "$ETC/daemon.json")
	assert_eq '[from=file]' "$(info '{{.Labels}}')" labels
	assert_eq '[http://registry:5001/]' "$(info '{{.RegistryConfig.Mirrors}}')" mirrors
	out=$(info '{{json .RegistryConfig}}')
	assert_match '"registry:5000"' "$out" 'insecure registries'
	assert_match '"127.0.0.0/8"' "$out" 'insecure registries'
	refute_match '10.9.9.9' "$out" "what the variable takes the place of"
	assert_eq 1380 "$(in_main docker run --rm bb cat /sys/class/net/eth0/mtu)" MTU
	assert_match 'nameserver 192.0.2.53' "$(in_main docker run --rm bb cat /etc/resolv.conf)" 'name servers inside'
	in_main docker network create one >/dev/null
	assert_match '^10\.213\.[0-9]+\.0/24$' "$(in_main docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' one)" pool
	assert_match '"Server":' "$(in_main docker -H tcp://127.0.0.1:2375 version -f '{{json .}}')" "the file's listener"
	# one file and the user's flags; nothing is told twice
	assert_eq '/usr/sbin/dockerd --config-file /run/dind/daemon.json -H fd:// --max-concurrent-downloads 5' \
		"$(box main sh -c 'tr "\0" "\n" <"/proc/$0/cmdline" | paste -sd" "' "$(box_pids main dockerd)")" 'argv of dockerd'
	refute_match '"hosts"' "$(box main cat /run/dind/daemon.json)" 'effective file'
	assert_eq "$before" "$(sha256sum "$ETC/daemon.json")" "the user's file"
}

@test "config: plan says every value and where it comes from" {
	plan=$(box main dind-init plan)
	assert_match 'labels = \["from=file"\] \(file /etc/docker/daemon.json\)' "$plan"
	assert_match 'mtu = 1380 \(variable DIND_MTU\)' "$plan"
	assert_match 'max-concurrent-downloads = "5" \(flag dockerd.s --max-concurrent-downloads\)' "$plan"
	assert_match 'storage-driver = "overlay2" \(variable DOCKER_DRIVER\)' "$plan"
	assert_match 'containerd = ".*" \(default: ' "$plan"
	assert_match 'registry-mirrors = \["http://registry:5001"\] \(option --registry-mirror\)' \
		"$(box main dind-init plan --registry-mirror http://registry:5001)"
	json=$(box main dind-init plan --json)
	assert_eq variable "$(python3 -c 'import json, sys
print([s["origin"] for s in json.load(sys.stdin)["configuration"] if s["key"] == "mtu" and s["value"] == 1380][0])' <<<"$json")"
}

@test "config: what is for clients does not reach the engine" {
	out=$(box main sh -c 'tr "\0" "\n" <"/proc/$0/environ"' "$(box_pids main dockerd)")
	refute_match '^(DOCKER_|DIND_)' "$out" 'environment of dockerd'
	assert_match '^HTTP_PROXY=http://user:secret@127.0.0.1:9$' "$out" 'environment of dockerd'
	assert_match '^NO_PROXY=registry,localhost,127.0.0.0/8,::1,10.213.0.0/16$' "$out" 'environment of dockerd'
	assert_match '^SSL_CERT_DIR=/etc/ssl/certs:/etc/pki/tls/certs:/run/dind/ca$' "$out" 'environment of dockerd'
	# and its storage driver was an input to the plan
	assert_eq overlay2 "$(info '{{.Driver}}')" driver
}

# ---- registries -----------------------------------------------------------------------------------------------------

# push_pull NAME REGISTRY: there and back, without what clients of another engine were told.
push_pull() {
	local docker=(box "$1" env -u DOCKER_HOST -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH docker) image=$2/try:$1
	"${docker[@]}" tag bb "$image"
	"${docker[@]}" push "$image"
	"${docker[@]}" rmi "$image" >/dev/null
	"${docker[@]}" pull -q "$image"
	assert_eq back "$("${docker[@]}" run --rm "$image" echo back)" "image of $2"
	"${docker[@]}" rmi "$image" >/dev/null
}

@test "config: an insecure registry, one of --engine-ca, one of certs.d" {
	push_pull main registry:5000
	push_pull main registry:5002
	push_pull main registry:5003
}

@test "config: without its authority a registry is not trusted, and certs.d is for one registry only" {
	box_start bare --network "$RUN" -v "$ETC/certs.d:/etc/docker/certs.d:ro" IMAGE
	box_ready bare
	! out=$(box bare docker pull registry:5002/try:main 2>&1) || fail 'pulled from a registry that nobody vouches for'
	assert_match 'x509|certificate' "$out" 'the refusal'
	! out=$(box bare docker pull registry:5000/try:main 2>&1) || fail 'pulled over plain HTTP'
	# the same image as of the case before: certs.d alone will do
	box bare docker pull -q registry:5003/try:main
}

@test "config: the mirror is asked for images of Docker Hub" {
	in_main docker tag bb registry:5000/library/word:1
	in_main docker push -q registry:5000/library/word:1
	in_main docker rmi registry:5000/library/word:1 >/dev/null
	in_main docker pull -q word:1
	assert_eq mirrored "$(in_main docker run --rm word:1 echo mirrored)" 'the image'
	assert_match '/v2/library/word/' "$(docker exec "$(box_name registry)" cat /tmp/mirror.log)" "the mirror's log"
}

# Over TLS by --engine-ca, by certs.d, and by nobody; one that is not there; one behind a proxy that is not there, unless it
# is asked past it.
@test "config: mirrors are asked whether they answer, as dockerd asks them" {
	until_true 30 'the main one answers, past the proxy' box_log_has main 'info: DIND-NET-17: registry mirror http://registry:5001/ answers$'
	box_start asks --network "$RUN" -v "$ETC/certs.d:/etc/docker/certs.d:ro" -v "$REG:/reg:ro" IMAGE --engine-ca /reg/a.pem \
		--registry-mirror https://registry:5002 --registry-mirror https://registry:5003 \
		--registry-mirror http://registry:5009
	box_start nobody --network "$RUN" IMAGE dockerd --registry-mirror=https://registry:5002
	# Whose certificate need not be looked at: by name, and by its network, of which 5003 is one, too.
	box_start named --network "$RUN" IMAGE --registry-mirror https://registry:5002 --registry-mirror https://registry:5003 \
		--insecure-registry registry:5002
	box_start within --network "$RUN" IMAGE --registry-mirror https://registry:5003 \
		--insecure-registry "$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' "$RUN")"
	box_ready asks
	until_true 30 'the one of --engine-ca answers' box_log_has asks 'info: .* https://registry:5002/ answers$'
	until_true 30 'the one of certs.d answers' box_log_has asks 'info: .* https://registry:5003/ answers$'
	until_true 60 'the one that is not there' box_log_has asks 'warning: DIND-NET-17: registry mirror http://registry:5009/ is of no use \(.*connect'
	until_true 60 'the one that nobody vouches for' box_log_has nobody 'warning: DIND-NET-17: .*https://registry:5002/ is of no use \(.*certificate'
	until_true 60 'one that is insecure by name' box_log_has named 'info: .* https://registry:5002/ answers$'
	until_true 60 'and no other' box_log_has named 'warning: DIND-NET-17: .*https://registry:5003/ is of no use \(.*certificate'
	until_true 60 'one that is insecure by its network' box_log_has within 'info: .* https://registry:5003/ answers$'
	box within docker pull -q registry:5003/try:main
	assert_eq 2 "$(box_logs asks | grep -c 'warning: DIND-NET-17')" 'a fact and a remedy'
}

# buildx reads the file when a builder is made; the builder's image is not to be had here.
@test "config: builders of BuildKit's can be told what dockerd is told of registries" {
	file=/run/dind-buildkitd.toml
	assert_eq "$(printf '[registry."docker.io"]\nmirrors = ["registry:5001"]\n\n[registry."registry:5001"]\nhttp = true\ninsecure = true\n\n[registry."registry:5000"]\ninsecure = true')" \
		"$(box main sed -n '/^\[/,$p' "$file")" "$file"
	in_main setpriv --reuid 65534 --clear-groups test -r "$file"
	in_main docker buildx create --name told --driver docker-container --config "$file"
	in_main docker buildx rm told
	box main sh -c 'echo "[registry" >/tmp/broken.toml'
	! in_main docker buildx create --name broken --driver docker-container --config /tmp/broken.toml || fail 'buildx does not look'
}

@test "config: what is in the way of their file is no reason to do without an engine" {
	mkdir "$WORK/in-the-way"
	box_start way -v "$WORK/in-the-way:/run/dind-buildkitd.toml" IMAGE --insecure-registry registry:5000
	box_ready way
	assert_match "warning: DIND-ENGINE-15: .*builders.*→ take away" "$(box_logs way)" 'the warning'
}

# ---- SIGHUP ---------------------------------------------------------------------------------------------------------

hup() { docker kill --signal HUP "$(box_name main)" >/dev/null; }
labels_are() { [ "$(info '{{.Labels}}')" = "$1" ]; }

@test "config: SIGHUP takes what has changed in daemon.json; what is broken changes nothing" {
	assert_eq false "$(info '{{.Debug}}')" debug
	daemon_json '"labels": ["from=hup"], "debug": true, "mtu": 1200, "hosts": ["tcp://192.0.2.1:1"]'
	hup
	until_true 15 'the new labels are there' labels_are '[from=hup]'
	assert_eq true "$(info '{{.Debug}}')" debug
	# the variables' place is taken by nothing in there, and the listeners stay ours
	assert_match '"mtu": 1380' "$(box main cat /run/dind/daemon.json)" 'effective file'
	refute_match '"hosts"' "$(box main cat /run/dind/daemon.json)" 'effective file'
	assert_eq '[http://registry:5001/]' "$(info '{{.RegistryConfig.Mirrors}}')" mirrors

	before=$(box main sha256sum /run/dind/daemon.json)
	printf '{\n  "labels": ["from=broken"],\n}\n' >"$ETC/daemon.json"
	hup
	until_true 15 'a warning names line and column' box_log_has main 'DIND-ENGINE-10: .*daemon.json: line 3 column 1'
	daemon_json '"labels": ["from=unknown"], "no-such-key": 1'
	hup
	until_true 15 'a warning names the key' box_log_has main 'DIND-ENGINE-10: .*no-such-key'
	daemon_json '"labels": ["from=twice"], "labels": []'
	hup
	until_true 15 'a warning names what is there twice' box_log_has main 'DIND-ENGINE-10: .*duplicate'
	assert_eq '[from=hup]' "$(info '{{.Labels}}')" labels
	assert_eq "$before" "$(box main sha256sum /run/dind/daemon.json)" 'effective file'
	box_ready main 5

	# mended
	daemon_json '"labels": ["from=mended"]'
	hup
	until_true 15 'the engine hears of it again' labels_are '[from=mended]'
	box_stop main
	assert_eq 0 "$status" status
}

# ---- refusals -------------------------------------------------------------------------------------------------------

# refuse NAME CODE STATUS REGEX [docker's options] IMAGE [arguments]: it ends before anything was started.
refuse() {
	box_run "$1" "${@:5}"
	assert_eq "$3" "$status" status
	assert_match "$2: .*$4" "$err" stderr
	assert_match '→' "$err" 'the way out'
}

@test "config: what cannot be a configuration is refused with line and column" {
	printf '{\n  "debug": true\n  "mtu": 1}\n' >"$WORK/broken.json"
	refuse line DIND-ENGINE-02 78 'line 3 column' -v "$WORK/broken.json:/etc/docker/daemon.json:ro" IMAGE
	echo '{"mtu": 1400, "mtu": 1500}' >"$WORK/twice.json"
	refuse twice DIND-ENGINE-02 78 'line 1 column .*duplicate' -v "$WORK/twice.json:/etc/docker/daemon.json:ro" IMAGE
	refuse ca DIND-ENGINE-12 78 'no certificate in /etc/hostname' IMAGE --engine-ca /etc/hostname
	refuse mirror DIND-USAGE-03 64 "'registry:5000'" IMAGE --registry-mirror registry:5000
	refuse both DIND-USAGE-04 64 'contradict' IMAGE --mtu 1400 dockerd --mtu 1300
}

# Older and newer engines read the same file: bookworm's, with DIND_SOAK=1 bullseye's and sid's too.
@test "config: the same with another suite's engine" {
	suites=(bookworm)
	[ "${DIND_SOAK:-0}" != 1 ] || suites+=(bullseye sid)
	for suite in "${suites[@]}"; do
		IMAGE=dind-init/dind:$suite
		docker image inspect "$IMAGE" >/dev/null || fail "no image $IMAGE: scripts/images --build-arg SUITE=$suite dind"
		daemon_json '"labels": ["from=file"]'
		box_start "$suite" --network "$RUN" -v "$ETC:/etc/docker" -v "$REG:/reg:ro" IMAGE --mtu 1380 \
			--registry-mirror http://registry:5001 --insecure-registry registry:5000 --engine-ca /reg/a.pem
		box_ready "$suite"
		assert_eq '[from=file]' "$(box "$suite" docker info -f '{{.Labels}}')" "labels of $suite"
		box_import "$suite"
		for port in 5000 5002 5003; do push_pull "$suite" "registry:$port"; done
		box "$suite" docker tag bb "registry:5000/library/word:$suite"
		box "$suite" docker push "registry:5000/library/word:$suite"
		box "$suite" docker pull -q "word:$suite"
		daemon_json '"labels": ["from=hup"]'
		docker kill --signal HUP "$(box_name "$suite")" >/dev/null
		until_true 15 "$suite takes the new labels" labels_of_are "$suite" '[from=hup]'
	done
}
labels_of_are() { [ "$(box "$1" docker info -f '{{.Labels}}')" = "$2" ]; }
