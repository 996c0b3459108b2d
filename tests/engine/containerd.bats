#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The engine's containerd is a service of PID 1: there at once, started again when it dies, gone with the engine; and not
# touched where the user has one or wants dockerd's own way.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# parent_of NAME PID: the command that started it.
parent_of() { box "$1" sh -c 'cat "/proc/$(sed -n "s/^PPid:[[:space:]]*//p" "/proc/$0/status")/comm"' "$2"; }

# containerd_pid NAME: exactly one.
containerd_pid() {
	local pids
	pids=$(box_pids "$1" containerd)
	[ "$(wc -w <<<"$pids")" = 1 ] || fail "processes called containerd in $1: '$pids'" || return 1
	echo "$pids"
}

# kill_containerd NAME
kill_containerd() { box "$1" sh -c 'kill -KILL "$0"' "$(containerd_pid "$1")"; }

@test "containerd: started by PID 1, and dockerd is told of it; --strict-args leaves it to dockerd" {
	box_start ours IMAGE
	box_ready ours
	assert_eq dind-init "$(parent_of ours "$(containerd_pid ours)")" 'parent of containerd'
	assert_match '"containerd": "/run/docker/containerd/containerd.sock"' "$(box ours cat /run/dind/daemon.json)" \
		'configuration of dockerd'
	box_stop ours
	assert_eq 0 "$status" 'status of the stop'
	box_start managed IMAGE --strict-args dockerd -H unix:///var/run/docker.sock
	box_ready managed
	assert_eq dockerd "$(parent_of managed "$(containerd_pid managed)")" 'parent of containerd'
	box_stop managed
	assert_eq 0 "$status" 'status of the stop'
}

@test "containerd: is not told where to announce itself, and hears no signal of COMMAND's" {
	box_start env IMAGE
	box_ready env
	out=$(box env sh -c 'tr "\0" "\n" <"/proc/$0/environ"' "$(containerd_pid env)")
	refute_match '^(NOTIFY_SOCKET|LISTEN_)' "$out" 'environment of containerd'
	assert_match '^container=docker$' "$out" 'environment of containerd'
	assert_match 'version = 2' "$(box env cat /run/dind/containerd.toml)" 'its configuration'
}

@test "containerd: SIGKILL hurts no inner container, and the next one is there in a moment" {
	box_start killed IMAGE
	box_ready killed
	loop=$(box_loop_identity killed)
	box_import killed
	box killed docker run -d --name lives bb sleep 3600 >/dev/null
	before=$(box killed docker inspect -f '{{.State.Pid}} {{.State.StartedAt}}' lives)
	kill_containerd killed
	until_true 10 'containerd is there again' containerd_pid killed
	until_true 10 'docker run works again' box killed docker run --rm bb true
	assert_eq "$before" "$(box killed docker inspect -f '{{.State.Pid}} {{.State.StartedAt}}' lives)" 'the container'
	assert_eq still "$(box killed docker exec lives echo still)" 'docker exec into it'
	assert_match 'warning: containerd was killed by SIGKILL.*, starting it again' "$(box_logs killed)" output
	# Stopping needs the new one to know the old one's containers.
	box killed docker stop -t 1 lives >/dev/null
	box_stop killed
	assert_eq 0 "$status" status
	assert_loop_gone "$loop"
	assert_image_clean killed
}

@test "containerd: one that does not stay up is the end of the engine, with the reason" {
	box_start storm IMAGE -- sh -c 'trap "echo command-got-term; exit 5" TERM; echo up; while :; do sleep 3600 & wait; done'
	until_true 30 'COMMAND runs' box_log_has storm '^up$'
	loop=$(box_loop_identity storm)
	box storm sh -c 'echo broken >/run/dind/containerd.toml'
	kill_containerd storm
	assert_eq 69 "$(box_wait storm 30)" status
	logs=$(box_logs storm)
	assert_match 'error: DIND-ENGINE-94: containerd ended with status 1, for the 6th time in a minute' "$logs" output
	assert_eq 5 "$(grep -c 'containerd .*, starting it again' <<<"$logs")" 'times it was started again'
	assert_match '^command-got-term$' "$logs" output
	assert_match '[|] containerd: ' "$logs" 'what containerd said about it'
	assert_loop_gone "$loop"
	assert_image_clean storm
}

@test "containerd: with --strict-args dockerd has its own" {
	box_start strict -e DIND_STRICT_ARGS=1 IMAGE dockerd -H unix:///var/run/docker.sock
	box_ready strict
	assert_eq dockerd "$(parent_of strict "$(containerd_pid strict)")" 'parent of containerd'
	box strict test ! -e /run/dind/containerd.toml
	box_stop strict
	assert_eq 0 "$status" status
}

@test "containerd: one of the user's own is used and left alone" {
	mkdir -p "$WORK/own"
	printf '%s\n' 'version = 2' 'root = "/own/root"' 'state = "/own/state"' 'disabled_plugins = ["io.containerd.grpc.v1.cri"]' \
		'[grpc]' 'address = "/own/c.sock"' >"$WORK/own/config.toml"
	box_start own --entrypoint sh -v "$WORK/own/config.toml:/own.toml:ro" IMAGE -c \
		'mkdir /own; containerd --config /own.toml --log-level warn & exec dind-init --dockerd-args "--containerd /own/c.sock"'
	box_ready own
	pid=$(containerd_pid own)
	assert_match 'containerd /own/c.sock' "$(box own sh -c 'tr "\0" " " <"/proc/$0/cmdline"' "$(box_pids own dockerd)")" 'argv of dockerd'
	box own test ! -e /run/dind/containerd.toml
	box_import own
	assert_eq works "$(box own docker run --rm bb echo works)" 'docker run'
	assert_eq "$pid" "$(containerd_pid own)" 'the containerd of the user'
	box_stop own
	assert_eq 0 "$status" status
}

@test "containerd: a socket of a dead one, in an exec root that stays, is no obstacle" {
	box_start stale -v "$(volume exec):/run/docker" IMAGE
	box_ready stale
	box_kill stale
	docker start "$(box_name stale)" >/dev/null
	box_ready stale
	assert_match 'removed stale socket /run/docker/containerd/containerd.sock' "$(box_logs stale)" output
	box_try stale again
	box_stop stale
	assert_eq 0 "$status" status
}

# store_start NAME VOLUME [ARGUMENTS]: with the containerd image store where the engine has it (from 23 on): there images
# are containerd's data.
store_start() {
	box_start "$1" -v "$2:/var/lib/docker" -v "$WORK/store.json:/etc/docker/daemon.json:ro" IMAGE "${@:3}"
	box_ready "$1"
	[[ $(box "$1" docker version -f '{{.Server.Version}}') == 20.10.* ]] ||
		assert_match 'io.containerd.snapshotter' "$(box "$1" docker info -f '{{.DriverStatus}}')" 'image store'
}

@test "containerd: a data root goes from our way to dockerd's and back" {
	local data
	data=$(volume interchange)
	echo '{"features": {"containerd-snapshotter": true}}' >"$WORK/store.json"
	store_start ours "$data"
	box_import ours
	box ours docker run --name first bb sh -c 'echo kept >/kept'
	box_stop ours
	assert_eq 0 "$status" status

	store_start theirs "$data" --strict-args dockerd -H unix:///var/run/docker.sock
	assert_eq dockerd "$(parent_of theirs "$(containerd_pid theirs)")" 'parent of containerd'
	assert_eq yes "$(box theirs docker run --rm bb echo yes)" 'an image of the first'
	assert_eq kept "$(box theirs docker cp first:/kept - | tar -xO)" 'a container of the first'
	box theirs docker tag bb second
	box_stop theirs
	assert_eq 0 "$status" status

	store_start back "$data"
	assert_eq yes "$(box back docker run --rm second echo yes)" 'an image of the second'
	box_stop back
	assert_eq 0 "$status" status
}
