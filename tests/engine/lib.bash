# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the bats files of the engine tier share. Real outer engine (DOCKER_HOST), real inner engines; nothing is mocked.
#
#   setup_file() { engine_setup_file; … }     setup() { engine_setup; }
#   teardown_file() { engine_teardown_file; } teardown() { engine_teardown; }
#
# A "box" is a container of the image under test on the outer engine. Its name is $RUN-NAME, where RUN is unique to the
# run of the file; every box, volume and network that a test makes is named or labelled with RUN, is removed on every
# path, and teardown_file fails when something is left on the outer side.
#
# Variables for people: DOCKER_HOST the outer engine, DIND_TEST_IMAGE the image (dind-init/dind:trixie),
# DIND_TEST_STRICT=1 turns what would be a skip into a failure.

export LC_ALL=C.UTF-8
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
export TOP

# ---- words ----------------------------------------------------------------------------------------------------------

fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# assert_eq WANTED GOT WHAT
assert_eq() { [ "$1" = "$2" ] || fail "${3:-value}: wanted '$1', got '$2'"; }

# assert_match REGEX TEXT WHAT: some line of TEXT matches (extended, any case)
assert_match() { grep -qiE -e "$1" <<<"$2" || fail "${3:-text}: nothing matches '$1' in:"$'\n'"$2"; }
refute_match() { ! grep -qiE -e "$1" <<<"$2" || fail "${3:-text}: '$1' must not match:"$'\n'"$2"; }

# Milliseconds, for differences.
now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# until_true SECONDS WHAT COMMAND...: for what no event tells; bounded.
until_true() {
	local seconds=$1 what=$2 end
	shift 2
	end=$((SECONDS + seconds))
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || fail "not within $seconds s: $what" || return 1
		sleep 0.1
	done
}

# Not a reason to fail on a developer's machine, but one where everything must have run.
engine_skip() {
	if [ "${DIND_TEST_STRICT:-0}" = 1 ]; then
		fail "$1 (DIND_TEST_STRICT=1: this is a failure)"
	else
		skip "$1"
	fi
}

# ---- set-up and tear-down -------------------------------------------------------------------------------------------

engine_setup_file() {
	local real
	RUN=dindt-$(basename "$BATS_TEST_FILENAME" .bats)-$$
	IMAGE=${DIND_TEST_IMAGE:-dind-init/dind:trixie}
	WORK=$BATS_FILE_TMPDIR
	ENGINE_MISSING=''
	export RUN IMAGE WORK ENGINE_MISSING
	mkdir -p "$WORK/bin"
	: >"$WORK/loops"

	# The client, wherever the machine has one; through a wrapper, so that no call can hang, neither ours nor one of README's.
	# shellcheck disable=SC2016
	real=$(bash -c 'set -euo pipefail; . "$TOP/scripts/lib.sh"; docker_find
		DOCKER[0]=$(type -P "${DOCKER[0]}"); printf "%q " "${DOCKER[@]}"') || {
		ENGINE_MISSING='there is no docker client'
		return 0
	}
	export DOCKER_REAL=$real
	# shellcheck disable=SC2016
	printf '#!/bin/bash\nexec timeout --kill-after=5 "${DOCKER_TIMEOUT:-90}" %s "$@"\n' "$real" >"$WORK/bin/docker"
	chmod +x "$WORK/bin/docker"
	PATH=$WORK/bin:$PATH
	export PATH

	case ${DOCKER_HOST:-unix://} in
	unix://*) ;;
	# Loop devices are looked at from this side.
	*) ENGINE_MISSING="the outer engine $DOCKER_HOST is not on this machine" ;;
	esac
	DOCKER_TIMEOUT=15 docker version >/dev/null 2>&1 ||
		ENGINE_MISSING="no outer engine answers at ${DOCKER_HOST:-the default socket} (scripts/lab up makes one)"
	if [ -n "$ENGINE_MISSING" ]; then
		[ "${DIND_TEST_STRICT:-0}" != 1 ] || fail "$ENGINE_MISSING"
		return
	fi
	docker image inspect "$IMAGE" >/dev/null || fail "no image $IMAGE: scripts/images makes it"
}

engine_setup() {
	[ -z "$ENGINE_MISSING" ] || engine_skip "$ENGINE_MISSING"
	# Boxes made from here on go away with the case, those of setup_file with the file.
	CASE=$RUN-$BATS_TEST_NUMBER
}

engine_teardown() {
	local id
	[ -z "$ENGINE_MISSING" ] || return 0
	for id in $(docker ps -aq --filter "label=dind-case=$RUN-$BATS_TEST_NUMBER"); do
		if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
			docker inspect -f '--- {{.Name}}: {{.State.Status}}, exit {{.State.ExitCode}}; the end of its output:' "$id" || true
			docker logs "$id" 2>&1 | grep -vE 'level=info msg="((skip )?loading plugin|ignoring event|cleaning up)' | tail -n 40 || true
		fi
		docker rm -f -v "$id" >/dev/null || fail "cannot remove $id"
	done
}

engine_teardown_file() {
	local id left=''
	[ -z "${ENGINE_MISSING:-}" ] || return 0
	# Also when setup_file failed half way.
	[ -n "${RUN:-}" ] || return 0
	for id in $(docker ps -aq --filter "label=dind-run=$RUN"); do
		docker rm -f -v "$id" >/dev/null || true
	done
	for id in $(docker volume ls -q --filter "label=dind-run=$RUN"); do
		docker volume rm -f "$id" >/dev/null || true
	done
	left+=$(docker ps -aq --filter "name=$RUN" | sed 's/^/container /')
	left+=$(docker volume ls -q --filter "name=$RUN" | sed 's/^/volume /')
	until_true 5 'all loop devices of this file are free' loops_all_gone ||
		left+=$'\n'"loop device $(loops_now | grep -xF -f "$WORK/loops")"
	[ -z "$left" ] || fail "left on the outer side: $left"
}

# ---- boxes ----------------------------------------------------------------------------------------------------------

box_name() { echo "$RUN-$1"; }

# Sets ARGS from "NAME [docker's options] IMAGE [arguments]", IMAGE being this word.
box_args() {
	local name=$1
	shift
	ARGS=(--name "$RUN-$name" --label "dind-run=$RUN" --label "dind-case=${CASE:-$RUN-file}")
	while [ $# -gt 0 ]; do
		if [ "$1" = IMAGE ]; then
			ARGS+=("$IMAGE" "${@:2}")
			return 0
		fi
		ARGS+=("$1")
		shift
	done
	fail "box_args: no IMAGE"
}

# runc_died FILE: the outer engine says that its runc died before it had started anything; nothing of ours was there yet.
# The first line alone: what an inner engine says of its own comes behind ours.
runc_died() { head -n 1 "$1" | grep -q '^docker: Error response from daemon: .*read init-p: connection reset by peer'; }

# once_more NAME WHY: says so, and makes room for it.
once_more() {
	echo "# box $1: $2; once more" >&3
	docker rm -f -v "$(box_name "$1")" >/dev/null
}

# box_start NAME [docker's options] IMAGE [arguments]: a privileged box in the background.
box_start() {
	local error=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/start.$1 started=0
	box_args "$@"
	docker run -d --privileged "${ARGS[@]}" >/dev/null 2>"$error" || started=$?
	cat "$error" >&2
	[ $started != 0 ] || return 0
	runc_died "$error" || return $started
	once_more "$1" "the outer engine's runc died before it had started anything"
	docker run -d --privileged "${ARGS[@]}" >/dev/null
}

# box_create …: the same, made but not started.
box_create() {
	box_args "$@"
	docker create --privileged "${ARGS[@]}" >/dev/null
}

# box_run NAME …: in the foreground; sets status, out and err (COMMAND's streams as they come out of the container).
box_run() { box_run_plain "$1" --privileged "${@:2}"; }

# streams_lost: how many streams of containers the lab's engine says that it has lost. On a machine that starves, dockerd
# drops what a container prints that ends at once, from `docker run` and from `docker logs`. Nothing where the log is not at hand.
streams_lost() {
	local log=${DOCKER_HOST#unix://}
	grep -c 'reading from a closed fifo' "${log%/run/docker.sock}/log" 2>/dev/null || true
}

# inner_streams_lost NAME: likewise, how many the engine in the box says that it has lost.
inner_streams_lost() { box_logs "$1" | grep -c 'reading from a closed fifo' || true; }

# inner_run NAME [docker run's arguments]: prints what an inner container prints on both streams. Once more if it was nothing
# and the inner engine says that it has lost it.
inner_run() {
	local name=$1 lost printed ended=0
	shift
	lost=$(inner_streams_lost "$name")
	printed=$(box "$name" docker run --rm "$@" 2>&1) || ended=$?
	if [[ $ended == 0 && -z $printed && $(inner_streams_lost "$name") != "$lost" ]]; then
		echo "# box $name: the inner engine has lost the output (its log: reading from a closed fifo); once more" >&3
		printed=$(box "$name" docker run --rm "$@" 2>&1) || ended=$?
	fi
	printf '%s\n' "$printed"
	return $ended
}

# box_run_plain NAME …: likewise, with no privileges but those asked for. Once more if the engine says that it is to blame.
box_run_plain() {
	local lost again
	box_args "$@"
	for again in yes no; do
		lost=$(streams_lost)
		status=0
		docker run "${ARGS[@]}" >"$WORK/out" 2>"$WORK/err" </dev/null || status=$?
		out=$(<"$WORK/out")
		err=$(<"$WORK/err")
		[[ $again == yes ]] || break
		if runc_died "$WORK/err"; then
			once_more "$1" "the outer engine's runc died before it had started anything"
		elif [[ -z $out$err && $(streams_lost) != "$lost" ]]; then
			once_more "$1" 'the outer engine has lost its output (its log: reading from a closed fifo)'
		else
			break
		fi
	done
	# Seen when the case fails.
	printf '%s: status %s\nstdout: %s\nstderr: %s\n' "$1" "$status" "$out" "$err"
	[ "$status" != 124 ] || fail "box $1 did not end in time"
}

# exec_died FILE: likewise of `docker exec`, where the engine says it on stdout. An inner engine's words are the same.
exec_died() { head -n 1 "$1" | grep -q '^OCI runtime exec failed: .*read init-p: connection reset by peer'; }

# box_exec INPUT [docker exec's arguments]: prints what the command prints, when it has ended. Once more if runc died.
box_exec() {
	local printed ended=0
	printed=$(mktemp "$WORK/exec.XXXXXX")
	docker exec "${@:2}" <"$1" >"$printed" || ended=$?
	if [[ $ended == 126 ]] && exec_died "$printed"; then
		echo "# docker exec ${*:2}: runc died before it had started anything; once more" >&3 || true
		ended=0
		docker exec "${@:2}" <"$1" >"$printed" || ended=$?
	fi
	cat "$printed"
	rm -f "$printed"
	return $ended
}

# box NAME COMMAND...: runs it in the box. box_in: with our standard input, to its end. box_live: likewise one whose lines
# are seen as they come; for that it is run once.
box() { box_exec /dev/null "$RUN-$1" "${@:2}"; }
box_live() { docker exec -i "$RUN-$1" "${@:2}"; }
box_in() {
	local input ended=0
	input=$(mktemp "$WORK/input.XXXXXX")
	cat >"$input"
	box_exec "$input" -i "$RUN-$1" "${@:2}" || ended=$?
	rm -f "$input"
	return $ended
}

box_ready() { box "$1" dind-init ready --timeout "${2:-30}"; }
box_logs() { docker logs "$RUN-$1" 2>&1; }
box_log_has() { grep -qiE -e "$2" <<<"$(box_logs "$1")"; }
box_state() { docker inspect -f "{{.State.$2}}" "$RUN-$1"; }

# box_wait NAME [SECONDS]: waits for its end, prints its exit status.
box_wait() { DOCKER_TIMEOUT=${2:-60} docker wait "$RUN-$1"; }

# box_kill NAME: SIGKILL, and its end.
box_kill() {
	docker kill "$RUN-$1" >/dev/null
	[ "$(box_wait "$1" 30)" = 137 ]
}

# box_stop NAME: `docker stop` with the default grace; sets elapsed (ms) and status (the box's).
box_stop() {
	local begin
	begin=$(now_ms)
	docker stop "$RUN-$1" >/dev/null
	elapsed=$(($(now_ms) - begin))
	status=$(box_state "$1" ExitCode)
	echo "$1: docker stop took $elapsed ms, status $status"
}

# box_pids NAME COMM: the processes of that name, as the box numbers them.
box_pids() {
	# shellcheck disable=SC2016
	box "$1" sh -c 'for p in /proc/[0-9]*; do
		[ "$(cat "$p/comm" 2>/dev/null)" != "$0" ] || echo "${p#/proc/}"; done' "$2"
}

# volume NAME: makes a volume, prints its name on the outer engine.
volume() { docker volume create --label "dind-run=$RUN" "$RUN-$1"; }

# ---- loop devices and mounts, seen from outside ---------------------------------------------------------------------

# One line per attached device that stays the same as long as it is the same attachment.
loops_now() { losetup --list --noheadings --output NAME,BACK-INO,BACK-MAJ:MIN | awk '{ print $1, $2, $3 }'; }

# box_loop NAME: prints the device that the box's data root is on; fails when there is none.
# shellcheck disable=SC2016
box_loop() { box "$1" awk '$2 == "/var/lib/docker" && $1 ~ /^\/dev\/loop/ { print $1; f = 1 } END { exit !f }' /proc/mounts; }

# box_loop_identity NAME: prints the line of loops_now for it, and has teardown_file look after it.
box_loop_identity() {
	local device
	device=$(box_loop "$1") || fail "the data root of box $1 is not on a loop device" || return 1
	loops_now | grep -E "^$device " | tee -a "$WORK/loops" | grep . || fail "$device is not attached, seen from outside"
}

loops_all_gone() { [ ! -s "$WORK/loops" ] || ! loops_now | grep -qxF -f "$WORK/loops"; }
loop_gone() { ! loops_now | grep -qxF -e "$1"; }

# assert_loop_gone IDENTITY: it goes with the last user, so that "soon" is short.
assert_loop_gone() { until_true 5 "loop device $1 is free" loop_gone "$1"; }

# The mount table of the outer engine.
outer_mounts() {
	docker run --rm --privileged --pid host --label "dind-run=$RUN" --entrypoint nsenter "$IMAGE" \
		-t 1 -m -- cat /proc/self/mountinfo
}

# assert_unmounted NAME [VOLUME]: nothing of a box that has ended is mounted on the outer side.
assert_unmounted() {
	local merged table
	merged=$(docker inspect -f '{{.GraphDriver.Data.MergedDir}}' "$RUN-$1")
	table=$(outer_mounts)
	assert_match ' / ' "$table" 'mount table of the outer engine'
	refute_match " ${merged:?}[ /]" "$table" "mounts of $1"
	[ -z "${2:-}" ] || refute_match "/volumes/$2/" "$table" "mounts in volume $2"
}

# image_features NAME: the features of the file system in the loop image of a box that has ended.
image_features() {
	local upper
	upper=$(docker inspect -f '{{.GraphDriver.Data.UpperDir}}' "$RUN-$1")
	docker run --rm --label "dind-run=$RUN" --mount "type=bind,src=$upper/var/lib/dind-init,dst=/image,readonly" \
		--entrypoint dumpe2fs "$IMAGE" -h /image/data.img 2>/dev/null | sed -n 's/^Filesystem features: *//p'
}

# assert_image_clean NAME: it was unmounted in order: no journal is left to replay.
assert_image_clean() {
	local features
	features=$(image_features "$1")
	assert_match 'has_journal' "$features" "features of the loop image"
	refute_match 'needs_recovery' "$features" "features of the loop image"
}

# ---- hosts outside --------------------------------------------------------------------------------------------------

# server NAME NETWORK: on that outer network, called NAME there, a server of /big (1 MiB of noise) and of its sum on port
# 80, which says at /cgi-bin/sum what has arrived. /busybox is in it.
server() {
	local alias=(--network-alias "$1")
	[[ $2 != @(bridge|none) ]] || alias=() # which have no names
	busybox_tar >/dev/null
	# shellcheck disable=SC2016
	box_args "$1" -d --network "$2" "${alias[@]}" -v "$WORK/bb/bin/busybox:/busybox:ro" --entrypoint sh IMAGE -c '
		mkdir -p /www/cgi-bin; head -c 1048576 /dev/urandom >/www/big; md5sum </www/big >/www/sum
		printf "%s\n" "#!/bin/sh" "echo; head -c \$CONTENT_LENGTH | md5sum" >/www/cgi-bin/sum
		chmod 0755 /www/cgi-bin/sum
		exec /busybox httpd -f -p 80 -h /www'
	docker run "${ARGS[@]}" >/dev/null
}

# ---- clients --------------------------------------------------------------------------------------------------------

# first_client PATH: connects as soon as the socket's name exists, that is from PID 1's first milliseconds on, and asks for
# /_ping; prints "waited=yes refused=0 HTTP/1.0 200 OK" when it was there first and nobody sent it away.
first_client() {
	# shellcheck disable=SC2016
	perl -MErrno -we '
		use IO::Socket::UNIX;
		my ($path) = @ARGV;
		my ($refused, $waited, $s) = (0, 0);
		for (1 .. 30000) {
			last if $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path);
			if ($!{ENOENT}) { $waited++ } elsif ($!{ECONNREFUSED}) { $refused++ } else { die "connect: $!\n" }
			select undef, undef, undef, 0.001;
		}
		die "no socket in time\n" if !$s;
		alarm 30;
		print $s "GET /_ping HTTP/1.0\r\n\r\n";
		my $answer = <$s> // "connection closed\n";
		$answer =~ s/\s+$//;
		print "waited=", $waited ? "yes" : "no", " refused=$refused $answer\n";
	' "$1"
}

# program_copy DIR PROGRAM [ARGUMENTS...]: this machine's, with all that it needs, for a container that has none: DIR/PROGRAM,
# with these arguments before its own. It is run by that path, in the container, too.
program_copy() {
	local lib dir=$1 name=$2
	mkdir -p "$dir"
	cp -L "$(type -P "$name")" "$dir/$name.real"
	for lib in $(ldd "$dir/$name.real" | grep -o '/[^ ]*'); do cp -L "$lib" "$dir/"; done
	printf '#!/bin/sh\nexec %s --library-path %s %s %s "$@"\n' \
		"$(echo "$dir"/ld-linux*)" "$dir" "$dir/$name.real" "${*:3}" >"$dir/$name"
	chmod +x "$dir/$name"
}

# curl with its limits: $CURL/curl.
curl_copy() {
	export CURL=$WORK/curl
	program_copy "$CURL" curl --silent --show-error --max-time 20
}

# ---- what runs in the inner engines ---------------------------------------------------------------------------------

# A tar with a static busybox and nothing else: there is no registry.
busybox_tar() {
	local busybox applet root=$WORK/bb
	if [ ! -f "$WORK/bb.tar" ]; then
		busybox=$(bash -c 'set -euo pipefail; . "$TOP/scripts/lib.sh"; busybox_get')
		mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp,root}
		cp "$busybox" "$root/bin/busybox"
		for applet in $("$busybox" --list); do
			[ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
		done
		tar -C "$root" --owner=0 --group=0 -cf "$WORK/bb.tar.$BASHPID" .
		mv "$WORK/bb.tar.$BASHPID" "$WORK/bb.tar"
	fi
	echo "$WORK/bb.tar"
}

# box_import NAME [COMMAND-PREFIX...]: the image `bb` in the inner engine.
box_import() {
	box_in "$1" "${@:2}" docker import -c 'ENV PATH=/bin' -c 'CMD ["sh"]' - bb <"$(busybox_tar)" >/dev/null
}

# box_build NAME TAG [COMMAND-PREFIX...]: builds an image upon bb that says WORD when it is run; the RUN line has to work.
box_build() {
	printf 'FROM bb\nRUN echo "built-%s" >/word && chmod 0444 /word\nCMD ["cat", "/word"]\n' "$2" |
		box_in "$1" "${@:3}" docker build -q -t "$2" - >/dev/null
}

# box_try NAME TAG [COMMAND-PREFIX...]: imports, builds, runs; the whole use of an engine in one line.
box_try() {
	box_import "$1" "${@:3}"
	box_build "$@"
	assert_eq "built-$2" "$(box "$1" "${@:3}" docker run --rm "$2")" "what the built image printed"
}

# box_deaf NAME: three inner containers that a stop has to deal with: an init without handlers (the kernel drops its
# TERM), one that ignores TERM, one that hears it and goes on.
box_deaf() {
	box "$1" docker run -d --name deaf1 bb sleep 3600 >/dev/null
	box "$1" docker run -d --name deaf2 bb sh -c 'trap "" TERM; while :; do sleep 3600; done' >/dev/null
	box "$1" docker run -d --name deaf3 bb sh -c 'trap "echo heard" TERM; echo up; while :; do sleep 3600 & wait; done' >/dev/null
	assert_eq 3 "$(box "$1" docker ps -q | wc -l)" 'inner containers that run'
}
