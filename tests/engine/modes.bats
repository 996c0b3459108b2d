#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Engines of others: the outer engine's socket, and a second container's engine over TLS that is started after its user. One
# nested engine serves the whole file; no other box here has a privilege.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

GID=4321 # of the nested engine's socket; no group of the image has it

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	export CERTS SOCKET=$WORK/sock/docker.sock
	docker network create --label "dind-run=$RUN" "$RUN" >/dev/null
	CERTS=$(volume certs)
	mkdir "$WORK/sock" "$WORK/wrong" "$WORK/alone"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=another \
		-keyout "$WORK/wrong/key.pem" -out "$WORK/wrong/ca.pem" 2>/dev/null
	cp "$WORK/wrong/ca.pem" "$WORK/wrong/cert.pem"
	chmod 0644 "$WORK/wrong/key.pem"

	remote_options
	# The user of the engine comes first: nobody has that name yet, and there are no certificates.
	plain_start early "${REMOTE[@]}" -v "$CERTS:/certs" IMAGE -- docker info -f '{{.Name}}'
	until_true 30 'the agent says what it waits for' box_log_has early 'waiting: '
	box_start engine --network "$RUN" --network-alias docker --hostname inner -v "$CERTS:/certs" -v "$WORK/sock:/s" IMAGE \
		--tls-dir /certs --host unix:///s/docker.sock --host tcp://0.0.0.0:2376 --socket-group "$GID"
	box_ready engine 60
	docker cp "$(box_name engine):/certs/client/ca.pem" "$WORK/alone/ca.pem"
	chmod 0644 "$WORK/alone/ca.pem"
}
setup() {
	engine_setup
	remote_options
}
teardown() { engine_teardown; }
teardown_file() {
	engine_teardown_file
	[ -n "${ENGINE_MISSING:-}" ] || docker network rm "$RUN" >/dev/null
}

# The image asks for nested; what is tested is the rule for agents, whose image does not.
AUTO=(-e DIND_MODE=auto)
remote_options() {
	REMOTE=("${AUTO[@]}" --network "$RUN" -e DOCKER_HOST=tcp://docker:2376 -e DOCKER_TLS_VERIFY=1 -e DOCKER_CERT_PATH=/certs/client)
}

# plain_start NAME …: a box in the background without privileges.
plain_start() {
	box_args "$@"
	docker run -d "${ARGS[@]}" >/dev/null
}

# socket_run NAME [docker's options] IMAGE …: with the nested engine's socket.
socket_run() { box_run_plain "$1" "${AUTO[@]}" -v "$SOCKET:/var/run/docker.sock" "${@:2}"; }

@test "modes: the outer engine's socket is used as it is, and nothing is nested" {
	outer=${DOCKER_HOST:-unix:///var/run/docker.sock}
	box_run_plain outer "${AUTO[@]}" -v "${outer#unix://}:/var/run/docker.sock" IMAGE -- \
		sh -c 'docker info -f "{{.ID}}"; echo "$DOCKER_HOST"; test ! -e /proc/1/root/run/docker.pid && ls /run/docker 2>/dev/null'
	assert_eq "$(docker info -f '{{.ID}}')"$'\nunix:///var/run/docker.sock' "$out" stdout
	assert_match 'DIND-MODE-01.*mode socket.*/var/run/docker.sock is mounted from outside' "$err"
	assert_match 'ready after [0-9]+ ms: mode socket, unix:///var/run/docker.sock, Docker/.*API 1\.' "$err"
	refute_match 'DIND-(PRIV|STORAGE|CGROUP)' "$err"
}

@test "modes: a user has the socket's group by number, with empty sets; so have its later logins" {
	plain_start agent "${AUTO[@]}" -v "$SOCKET:/var/run/docker.sock" IMAGE --user nobody --no-new-privs -- \
		sh -c 'id -G; grep -E "^(Cap|NoNew)" /proc/self/status; docker info -f "{{.Name}}"; echo "$HOME $USER $LOGNAME"; exec sleep 300'
	until_true 30 'COMMAND has said who it is' box_log_has agent ' nobody nobody$'
	log=$(box_logs agent)
	assert_match "^65534 $GID\$" "$log" 'groups of COMMAND'
	assert_eq 5 "$(grep -cE '^Cap[A-Z][a-z]*:\s*0+$' <<<"$log")" 'empty sets'
	assert_match '^NoNewPrivs:\s*1$' "$log"
	assert_match '^inner$' "$log" 'the engine behind the socket'
	assert_match "DIND-SOCKET-08.*nobody: group $GID of /var/run/docker.sock, which has no name in here" "$log"
	# an entry of its own: the image's group docker keeps its number, and others all that they had
	assert_eq "docker-host:x:$GID:nobody" "$(box agent getent group "$GID")"
	assert_eq "$(docker run --rm --entrypoint cat "$IMAGE" /etc/group)" "$(box agent sh -c 'grep -v ^docker-host: /etc/group')" 'all other groups'
	assert_eq inner "$(docker exec -u nobody "$(box_name agent)" docker info -f '{{.Name}}')" 'docker exec -u nobody'
	assert_eq inner "$(box agent su -s /bin/sh nobody -c 'docker info -f "{{.Name}}"')" 'a login'
	box_ready agent 5
	box_stop agent
	assert_eq 143 "$status" status
}

@test "modes: sockets that lead nowhere are explained, each with its code" {
	box_run_plain directory "${AUTO[@]}" -v "$WORK/none:/var/run/docker.sock" IMAGE -- true
	assert_eq 78 "$status" 'no such socket outside'
	assert_match 'DIND-SOCKET-02.*is a directory' "$err"
	perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => shift, Listen => 1) or die' "$WORK/dead.sock"
	box_run_plain dead "${AUTO[@]}" -v "$WORK/dead.sock:/var/run/docker.sock" IMAGE -- true
	assert_eq 69 "$status" 'nobody listens'
	assert_match 'DIND-SOCKET-03.*nobody listens on /var/run/docker.sock.*ECONNREFUSED' "$err"
	# Another program's socket, for everybody; and an engine's that is root's alone.
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Local => shift, Listen => 5) or die;
		alarm 60;
		$SIG{PIPE} = "IGNORE";
		while (my $c = $s->accept) { sysread $c, my $request, 4096; print $c "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n"; close $c }' \
		"$WORK/other.sock" 3>&- &
	other=$!
	until_true 10 'the other program listens' test -S "$WORK/other.sock"
	box_run_plain foreign "${AUTO[@]}" -v "$WORK/other.sock:/var/run/docker.sock" IMAGE -- true
	kill "$other"
	assert_eq 78 "$status" 'no engine answers'
	assert_match 'DIND-SOCKET-05.*/var/run/docker.sock' "$err"
	chown 0:0 "$SOCKET" && chmod 0600 "$SOCKET"
	socket_run closed IMAGE --user nobody -- true
	chown "0:$GID" "$SOCKET" && chmod 0660 "$SOCKET"
	assert_eq 77 "$status" 'a socket for root alone'
	assert_match 'DIND-SOCKET-07.*for root alone.*' "$err"
}

@test "modes: memory that ran out is named with its limit" {
	socket_run oom -m 64m --memory-swap 64m IMAGE -- tail /dev/zero
	assert_eq 137 "$status" status
	assert_match 'DIND-COMMAND-02.*COMMAND was killed by SIGKILL \(out of memory, the limit is 64.0 MiB\)' "$err"
}

@test "modes: an engine over TLS that is started after its user is waited for" {
	assert_eq 0 "$(box_wait early)" status
	log=$(box_logs early)
	assert_match 'DIND-MODE-01.*mode remote.*DOCKER_HOST is tcp://docker:2376' "$log"
	assert_match 'tcp://docker:2376: engine [0-9.]+.*, API 1\.[0-9]+ to 1\.[0-9]+' "$log"
	assert_match '^inner$' "$log" stdout
}

# refused NAME STATUS CODE REGEX [docker's options]
refused() {
	box_run_plain "$1" "${REMOTE[@]}" "${@:5}" IMAGE --ready-timeout 20 -- echo command runs
	assert_eq "$2" "$status" "$1"
	assert_match "$3.*$4" "$err" "$1"
	refute_match 'command runs' "$out" "$1"
}

@test "modes: the wrong CA, no certificate, no TLS: refused at once and named" {
	refused ca 78 DIND-REMOTE-11 'tcp://docker:2376 is not to be trusted by /certs/client/ca.pem' -v "$WORK/wrong:/certs/client:ro"
	refused none 78 DIND-REMOTE-14 'does not take our certificate \(there is none\)' -v "$WORK/alone:/certs/client:ro"
	refused plain 78 DIND-REMOTE-13 'speaks TLS, and neither DOCKER_TLS_VERIFY' -e DOCKER_TLS_VERIFY=
}

@test "modes: nobody there within --ready-timeout is 69" {
	box_run_plain silent "${AUTO[@]}" --network "$RUN" -e DOCKER_HOST=tcp://nobody:2375 IMAGE --ready-timeout 2 -- true
	assert_eq 69 "$status" status
	assert_match 'DIND-REMOTE-10.*tcp://nobody:2375: .*waited for 2 s' "$err"
}

# Dockerfile: USER jenkins
@test "modes: PID 1 as uid 1000 works with the engines of others, and says what an own one takes" {
	socket_run socket --user 1000:1000 --group-add "$GID" IMAGE -- sh -c 'id -u; docker info -f "{{.Name}}"'
	assert_eq $'1000\ninner' "$out" 'socket'
	assert_eq 0 "$status" 'socket'
	refute_match 'warning|continuing without' "$err" 'socket'
	socket_run closed --user 1000:1000 IMAGE -- true
	assert_eq 77 "$status" 'without the group'
	assert_match "DIND-SOCKET-04.*--group-add $GID" "${err//$'\n'/ }"
	box_run_plain remote --user 1000:1000 "${REMOTE[@]}" -v "$CERTS:/certs:ro" IMAGE -- sh -c 'id -u; docker info -f "{{.Name}}"'
	assert_eq $'1000\ninner' "$out" 'remote'
	# /run is root's: `ready` finds the state all the same, whoever asks, and also after a start again
	plain_start probed "${AUTO[@]}" --user 1000:1000 --group-add "$GID" -v "$SOCKET:/var/run/docker.sock" IMAGE -- sleep 300
	box_ready probed 10
	docker restart -t 5 "$(box_name probed)" >/dev/null
	docker exec -u 0 "$(box_name probed)" dind-init ready --timeout 10
	box_run_plain sealed "${AUTO[@]}" --user 1000:1000 --group-add "$GID" --read-only -v "$SOCKET:/var/run/docker.sock" IMAGE -- \
		dind-init ready
	assert_eq 75 "$status" 'nowhere to write'
	assert_match 'DIND-READY-01.*--tmpfs /tmp' "$err"
	box_run nested --user 1000:1000 "${AUTO[@]}" IMAGE -- true
	assert_eq 77 "$status" 'nested'
	assert_match 'DIND-PRIV-01.*--user 0:0' "${err//$'\n'/ }" 'nested'
}
