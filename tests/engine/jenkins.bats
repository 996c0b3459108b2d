#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# images/jenkins-agent: the commands that Jenkins' plugins give, in all their shapes. The client is a real ssh in another
# container. One nested agent serves the whole file; its engine is what the others, which have no privilege, reach by socket.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

GID=4321 # of the nested engine's socket; no group of the image has it

setup_file() {
	export DIND_TEST_IMAGE=${DIND_TEST_JENKINS:-dind-init/jenkins-agent:trixie}
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	export KEY SOCKET=$WORK/sock/docker.sock
	mkdir "$WORK/sock" "$WORK/gate" "$WORK/slow"
	plain_start controller --entrypoint sleep IMAGE infinity
	box controller ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
	KEY=$(box controller cat /root/.ssh/id_ed25519.pub)

	# An engine that starts when the gate is open: what is before that is no matter of luck.
	printf '#!/bin/sh\nfor i in $(seq 600); do [ ! -e /gate/open ] || exec /usr/sbin/dockerd "$@"; sleep 0.1; done\n' \
		>"$WORK/slow/dockerd"
	chmod 0755 "$WORK/slow/dockerd"
	box_start agent -v "$WORK/slow:/slow:ro" -e PATH=/slow:/usr/sbin:/usr/bin:/sbin:/bin -v "$WORK/gate:/gate" \
		-v "$WORK/sock:/s" -v "$(volume pool):/var/lib/dind-pool" -e "JENKINS_AGENT_SSH_PUBKEY=$KEY" \
		-e DOCKER_PORT=4444 -e DOCKER_DAEMON_ARGS='--label agent=nested -H unix:///s/docker.sock' -e LOG=file \
		-e 'BUILD_WORDS=a  b' -e JENKINS_SECRET=hidden \
		IMAGE '/usr/sbin/sshd -D -p 22'
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# plain_start NAME …: a box in the background without privileges.
plain_start() {
	box_args "$@"
	docker run -d "${ARGS[@]}" >/dev/null
}

# socket_start NAME …: likewise, with the nested engine's socket.
socket_start() { plain_start "$1" -v "$SOCKET:/var/run/docker.sock" "${@:2}"; }
socket_run() { box_run_plain "$1" -v "$SOCKET:/var/run/docker.sock" "${@:2}"; }

# ssh_to NAME [-p PORT] COMMAND: a login as jenkins by key, from the controller; by box_live with SSH_BY.
ssh_to() {
	local name=$1 port=22
	shift
	if [ "$1" = -p ]; then port=$2 && shift 2; fi
	"${SSH_BY:-box_in}" controller ssh -q -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p "$port" \
		"jenkins@$(docker inspect -f '{{.NetworkSettings.IPAddress}}' "$(box_name "$name")")" "$@"
}
ssh_ready() { until_true 30 "sshd of $1 lets jenkins in" ssh_to "$1" "${@:2}" true </dev/null; }

# session_try NAME TAG: builds upon bb and runs it, as jenkins, by ssh.
session_try() {
	ssh_to "$1" docker import -c "'ENV PATH=/bin'" - bb <"$(busybox_tar)" >/dev/null
	printf 'FROM bb\nRUN echo "built-%s" >/word\nCMD ["cat", "/word"]\n' "$2" | ssh_to "$1" docker build -q -t "$2" - >/dev/null
	assert_eq "built-$2" "$(ssh_to "$1" docker run --rm "$2" </dev/null)" 'what the built image printed'
}

# no_capabilities NAME: a session of jenkins has nothing that is effective, permitted, inheritable or ambient.
no_capabilities() {
	local sets
	sets=$(ssh_to "$1" grep -E '^Cap' /proc/self/status </dev/null)
	for set in CapInh CapPrm CapEff CapAmb; do
		assert_match "^$set:\\s*0{16}$" "$sets" "$set in a session"
	done
	assert_match '^Current: =$' "$(ssh_to "$1" /sbin/capsh --print </dev/null)" 'capsh --print in a session'
}

@test "jenkins: the image has no host key, a JDK on PATH, port 22, and a user with no password" {
	config() { docker inspect -f "{{json .Config.$1}}" "$IMAGE"; }
	assert_eq '["jenkins-agent"]' "$(config Entrypoint)"
	assert_match '^(null|\[\])$' "$(config Cmd)"
	assert_eq null "$(config Volumes)"
	assert_eq '{"22/tcp":{}}' "$(config ExposedPorts)"
	assert_match '"DIND_MODE=auto"' "$(config Env)"
	box_run_plain files --entrypoint sh IMAGE -c 'cd /etc/ssh && echo ssh_host_*
		for p in java javac git docker sshd curl; do command -v $p >/dev/null || echo "missing $p"; done
		docker buildx version >/dev/null && docker compose version >/dev/null || echo "plugins do not run"
		id jenkins; getent shadow jenkins | cut -d: -f2; ls -A /home/jenkins/.ssh'
	assert_eq $'ssh_host_*\nuid=1000(jenkins) gid=1000(jenkins) groups=1000(jenkins),101(docker)\n*' "$out"
}

@test "jenkins: sshd listens while the engine starts, and a docker call in a session waits for it" {
	ssh_ready agent
	status=0
	box agent dind-init ready || status=$?
	assert_eq 75 "$status" 'the engine is not ready'
	ssh_to agent docker info -f "'{{json .Labels}}'" </dev/null >"$WORK/early" 3>&- &
	client=$!
	until_true 20 'the client waits' ssh_to agent pgrep -x docker </dev/null
	touch "$WORK/gate/open"
	wait "$client"
	assert_eq '["agent=nested"]' "$(cat "$WORK/early")" 'what the early client was told'
	box_ready agent 60
	chgrp "$GID" "$SOCKET" # as on a host where that group has another number
}

@test "jenkins: nested: a login by key builds and runs as jenkins, who has no capability" {
	session_try agent nested
	no_capabilities agent
	assert_match "uid=1000\\(jenkins\\).*docker" "$(ssh_to agent id </dev/null)" 'id'
	told=$(ssh_to agent env </dev/null)
	assert_match '^DOCKER_HOST=unix:///var/run/docker.sock$' "$told" 'environment of the session'
	assert_match '^BUILD_WORDS=a  b$' "$told"
	assert_match '^PATH=/slow:' "$told"
	assert_match '^HOME=/home/jenkins$' "$told"
	refute_match 'hidden|SSH_PUBKEY|DIND_' "$told"
	assert_match '"21\.|"1[17]\.' "$(ssh_to agent 'java -version 2>&1' </dev/null)" 'java in a session'
	# a pool that is mounted is used, and the older image's variables are heard
	assert_match 'DIND-POOL.*/var/lib/dind-pool/slot-1' "$(box_logs agent)"
	box agent grep -q 'API listen on' /var/log/docker.log
	# sshd's own words are for the container's log
	box_log_has agent 'Accepted publickey for jenkins'
	assert_match '^sshd: /usr/sbin/sshd -e -D -p 22 ' "$(box agent sh -c 'cat /proc/*/cmdline 2>/dev/null | tr "\0" "\n"' | grep -a '^sshd: /')"
}

@test "jenkins: socket: the same, with the group of the socket, and the key that the plugin injects" {
	printf '#!/bin/sh\n[ "$1" != jenkins ] || echo "%s"\n' "$KEY" >"$WORK/authorized_key"
	chmod 0700 "$WORK/authorized_key"
	box_args injected -v "$SOCKET:/var/run/docker.sock" -e BUILD_WORDS=here IMAGE /usr/sbin/sshd -D -p 2222 \
		-o AuthorizedKeysCommand=/root/authorized_key -o AuthorizedKeysCommandUser=root -o UsePAM=no
	docker create "${ARGS[@]}" >/dev/null
	docker cp "$WORK/authorized_key" "$(box_name injected):/root/authorized_key"
	docker start "$(box_name injected)" >/dev/null
	ssh_ready injected -p 2222
	assert_match "groups=.*$GID\\(docker-host\\)" "$(ssh_to injected -p 2222 id </dev/null)" id
	assert_eq $'unix:///var/run/docker.sock\nhere' "$(ssh_to injected -p 2222 'echo "$DOCKER_HOST"; echo "$BUILD_WORDS"' </dev/null)"
	assert_eq '["agent=nested"]' "$(ssh_to injected -p 2222 docker info -f "'{{json .Labels}}'" </dev/null)" 'whose engine'

	socket_start key IMAGE "$KEY" -o LogLevel=DEBUG
	ssh_ready key
	session_try key socket
	no_capabilities key
	# host keys are each container's own
	refute_match "$(box injected cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub)" "$(box key cat /etc/ssh/ssh_host_ed25519_key.pub)"
	box_stop key
	assert_eq 0 "$status" 'sshd was told to end'
}

@test "jenkins: one string for a shell, and a configuration of somebody's own" {
	printf 'HostKey /etc/ssh/ssh_host_ed25519_key\nPort 22\n' >"$WORK/sshd_config"
	socket_start shell -v "$WORK/sshd_config:/my/config:ro" -e "JENKINS_SLAVE_SSH_PUBKEY=$KEY" -e BUILD_WORDS=there \
		IMAGE bash -c '/usr/sbin/sshd -D -p 22 -f /my/config'
	ssh_ready shell
	assert_eq 'there unix:///var/run/docker.sock' "$(ssh_to shell 'echo $BUILD_WORDS $DOCKER_HOST' </dev/null)"
	docker restart -t 5 "$(box_name shell)" >/dev/null
	ssh_ready shell
}

@test "jenkins: remote: sessions are told of the engine that DOCKER_HOST names" {
	address=tcp://$(docker inspect -f '{{.NetworkSettings.IPAddress}}' "$(box_name agent)"):4444
	plain_start remote -e "DOCKER_HOST=$address" -e DOCKER_API_VERSION=1.41 IMAGE "$KEY"
	ssh_ready remote
	box_ready remote 10
	box_log_has remote "$address: engine "
	assert_eq "$address 1.41" "$(ssh_to remote 'echo $DOCKER_HOST $DOCKER_API_VERSION' </dev/null)"
	assert_eq '["agent=nested"]' "$(ssh_to remote docker info -f "'{{json .Labels}}'" </dev/null)" 'whose engine'
	# sshd is there at once; what is wrong with the engine is in the log
	plain_start wrong -e "DOCKER_HOST=$address" -e DOCKER_TLS=1 IMAGE "$KEY"
	ssh_ready wrong
	until_true 20 'what is wrong is said' box_log_has wrong "DIND-REMOTE-13.*$address does not speak TLS"
	assert_eq alive "$(ssh_to wrong echo alive </dev/null)"
}

@test "jenkins: remote: an engine behind a real sshd is waited for, asked and used" {
	docker cp "$(box_name controller):/root/.ssh" "$WORK/ssh"
	printf 'Host *\n\tStrictHostKeyChecking no\n\tUserKnownHostsFile /dev/null\n\tLogLevel ERROR\n' >"$WORK/ssh/config"
	address=ssh://jenkins@$(docker inspect -f '{{.NetworkSettings.IPAddress}}' "$(box_name agent)")
	box_run_plain behind -e "DOCKER_HOST=$address" -e DIND_USER=root -v "$WORK/ssh:/root/.ssh" IMAGE -- docker info -f '{{json .Labels}}'
	assert_eq 0 "$status" status
	assert_eq '["agent=nested"]' "$out" 'whose engine'
	assert_match "$address: engine [0-9.]+" "$err" 'what is said of it'
}

@test "jenkins: the attach connector: a container that waits, and java by docker exec as jenkins" {
	socket_start waits -t IMAGE /bin/sh
	until_true 30 'COMMAND runs' box waits pgrep -x sh
	assert_eq '["agent=nested"]' "$(docker exec -u jenkins "$(box_name waits)" docker info -f '{{json .Labels}}')"
	docker exec -u jenkins "$(box_name waits)" java -version
	assert_match '^ *1000 /bin/sh' "$(box waits ps -o uid=,args= -C sh)" 'who waits'
	socket_run command -e JENKINS_URL=http://nobody/ -e JENKINS_SECRET=s IMAGE sh -c 'id -un; grep CapBnd /proc/self/status; exit 7'
	assert_eq 7 "$status" 'a command'
	assert_eq $'jenkins\nCapBnd:\t0000000000000000' "$out"
	socket_run root -e DIND_USER=root IMAGE id -un
	assert_eq root "$out"
}

@test "jenkins: inbound: agent.jar from the controller, run by java as jenkins" {
	box_in controller sh -c 'mkdir -p /srv/ci/jnlpJars /src && cat >/src/A.java && cd /src && javac A.java && jar -c -f /srv/ci/jnlpJars/agent.jar -e A A.class' <<-'EOF_JAVA'
		public class A {
			public static void main(String[] args) throws Exception {
				System.out.println(System.getProperty("user.name") + " " + System.getenv("DOCKER_HOST") + " " + String.join(" ", args));
				System.exit(new ProcessBuilder("docker", "info", "-f", "{{json .Labels}}").inheritIO().start().waitFor());
			}
		}
	EOF_JAVA
	docker exec -d "$(box_name controller)" jwebserver -b 0.0.0.0 -p 8080 -d /srv
	url=http://$(docker inspect -f '{{.NetworkSettings.IPAddress}}' "$(box_name controller)"):8080/ci/
	# The JNLP connector's arguments; what the environment says too is not said twice.
	socket_run arguments -e JENKINS_AGENT_NAME=node IMAGE -url "$url" SECRET node
	assert_eq 0 "$status" status
	assert_eq "jenkins unix:///var/run/docker.sock -url $url SECRET node"$'\n["agent=nested"]' "$out"
	assert_match 'JENKINS_AGENT_NAME is given by an argument too' "$err"
	# jenkins/inbound-agent's environment, in an image with USER jenkins
	socket_run environment --user jenkins --group-add "$GID" -e "JENKINS_URL=$url" -e JENKINS_SECRET=s -e JENKINS_AGENT_NAME=n \
		-e JENKINS_WEB_SOCKET=true -e JENKINS_JAVA_OPTS=-Xmx64m IMAGE
	assert_eq "jenkins unix:///var/run/docker.sock -secret s -name n -url $url -webSocket"$'\n["agent=nested"]' "$out"
	# mounted where jenkins/inbound-agent has it
	docker cp "$(box_name controller):/srv/ci/jnlpJars/agent.jar" "$WORK/agent.jar"
	chmod 0644 "$WORK/agent.jar"
	socket_run mounted -v "$WORK/agent.jar:/usr/share/jenkins/agent.jar:ro" -e JENKINS_DIRECT_CONNECTION=j:1 IMAGE
	assert_match '^jenkins unix:///var/run/docker.sock -direct j:1$' "$out"
	socket_run missing IMAGE -url "${url%/ci/}/none" s n
	assert_eq 69 "$status" 'no such file there'
	assert_match 'DIND-AGENT-06.*/none/jnlpJars/agent.jar' "$err"
	socket_run nowhere IMAGE -direct j:1
	assert_eq 78 "$status" 'no URL'
	assert_match 'DIND-AGENT-07' "$err"
}

@test "jenkins: USER jenkins: no sshd and no engine, and what to do; keys that cannot be used are named" {
	box_run_plain sshd --user jenkins IMAGE
	assert_eq 77 "$status" sshd
	assert_match 'DIND-AGENT-01.*--user 0:0' "${err//$'\n'/ }"
	box_run nested --user jenkins IMAGE true
	assert_eq 77 "$status" nested
	assert_match 'DIND-PRIV-01.*--user 0:0' "${err//$'\n'/ }"
	socket_run read-only --read-only -e "JENKINS_AGENT_SSH_PUBKEY=$KEY" IMAGE /usr/sbin/sshd -t
	for code in 02 03 05; do assert_match "DIND-AGENT-$code" "$err"; done
	socket_run script -e DIND_USER=root IMAGE sh -c 'umask 22; exec jenkins-sshd -t'
	assert_eq 0 "$status" 'sshd from a script'
	socket_run bad -e JENKINS_AGENT_SSH_PUBKEY=secret -e DIND_LOG_FORMAT=json IMAGE /usr/sbin/sshd -t
	assert_eq 0 "$status" 'sshd takes the configuration'
	assert_match '^\{.*DIND-AGENT-04.*\}$' "$err" 'as PID 1 logs'
}

@test "jenkins: nested: with --socket-group a login has the number, and all other groups are as they were" {
	box_run group -e DIND_USER=root -e DIND_SOCKET_GROUP=4322 IMAGE sh -c 'grep -v :4322: /etc/group
		su jenkins -c "id -Gn; docker version -f \"engine {{.Server.Os}}\""'
	assert_eq 0 "$status" status
	assert_eq "$(docker run --rm --entrypoint cat "$IMAGE" /etc/group)"$'\njenkins docker docker-inner\nengine linux' "$out"
}

@test "jenkins: stop: jobs of sessions and of docker exec clean up with docker, and the client hears how that went" {
	touch "$WORK/gate/open"
	ssh_ready agent
	box_ready agent 60
	box_import agent
	# sshd is told by PID 1, and ends; what it has let in is the job
	SSH_BY=box_live ssh_to agent 'trap "docker rm -f left >/dev/null && echo removed; exit 7" TERM
		docker run -d --name left bb sleep 300 >/dev/null && echo "up $$"; while :; do sleep 300 & wait $!; done' \
		</dev/null >"$WORK/job" 3>&- &
	client=$!
	docker exec -d -u jenkins "$(box_name agent)" sh -c 'trap "sleep 1; docker version -f \"exec {{.Server.Os}}\" >/tmp/exec; cp /tmp/exec /gate/exec; exit" TERM
		while :; do sleep 300 & wait $!; done'
	chmod 0777 "$WORK/gate"
	until_true 30 'the job runs' grep -q '^up ' "$WORK/job"
	box_stop agent
	assert_eq 0 "$status" 'status: that of sshd'
	status=0
	wait "$client" || status=$?
	assert_eq 7 "$status" "status of the session: the job's own"
	assert_match '^removed$' "$(cat "$WORK/job")" 'what the job has said to its client'
	assert_eq 'exec linux' "$(cat "$WORK/gate/exec")" 'what came by docker exec had docker, too'
	log=$(box_logs agent)
	assert_match 'stop: COMMAND has left [0-9]+ processes, which have the rest of its time: ' "$log"
	assert_match 'stopped cleanly' "$log"
	refute_match 'stop: killed [0-9]+ process' "$log"
	assert_unmounted agent
}
