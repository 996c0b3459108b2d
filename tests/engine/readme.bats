#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The commands of README and of the images' READMEs work as written. A fenced `sh` block behind the comment <!-- test --> (or <!-- test status=N -->) is
# run, block by block in order, at the top of a copy of the checkout, by bash with -e, -u and pipefail.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

BOXES=(dind dind-flags dind-again dind-tls dind-drop-in dind-agent dind-engine dind-jenkins dind-pod)
VOLUMES=(dind-cache dind-keys dind-pool dind-certs dind-agent-certs dind-jenkins-pool dind-pod)

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	# README uses names that people like: never touch somebody's own.
	for name in "${BOXES[@]}"; do
		[ -z "$(docker ps -aq --filter "name=^/$name\$")" ] || fail "the outer engine already has a container $name"
	done
	for name in "${VOLUMES[@]}"; do
		[ -z "$(docker volume ls -q --filter "name=^$name\$")" ] || fail "the outer engine already has a volume $name"
	done
	others >"$WORK/others"
	mkdir "$WORK/blocks"
	blocks "$TOP/README.md" "$WORK/blocks/"
	for name in dind docker-dind jenkins-agent; do
		blocks "$TOP/images/$name/README.md" "$WORK/blocks/$name-"
	done
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() {
	if [ -f "${WORK:-}/others" ]; then
		docker rm -f -v "${BOXES[@]}" >/dev/null 2>&1 || true
		docker volume rm -f "${VOLUMES[@]}" >/dev/null 2>&1 || true
		docker network rm dind-net >/dev/null 2>&1 || true
		# scripts/run may leave a box to go on with by hand.
		others | grep -vxF -f "$WORK/others" | xargs -r docker rm -f -v >/dev/null
	fi
	engine_teardown_file
}

# Containers of our images that no file of this tier has made.
others() {
	echo none
	docker ps -a --no-trunc --format '{{.ID}} {{.Image}} run={{.Label "dind-run"}}' | awk '$2 ~ /^dind-init\// && $3 == "run=" { print $1 }'
}

# blocks README PREFIX: PREFIXNN.sh and PREFIXNN.status for every tagged block.
blocks() {
	awk -v prefix="$2" '
		/^<!-- test( status=[0-9]+)? -->$/ {
			status = /status=/ ? $0 : 0
			gsub(/[^0-9]/, "", status)
			tagged = 1
			next
		}
		tagged && /^```sh$/ { inside = 1; tagged = 0; name = sprintf("%s%02d", prefix, ++n); printf "" >(name ".sh"); print status >(name ".status"); next }
		tagged && NF { print "README: a test comment without a sh block behind it, line " NR; exit 1 }
		inside && /^```$/ { inside = 0; close(name ".sh"); close(name ".status"); next }
		inside { print >(name ".sh") }' "$1"
}

@test "readme: the two commands and an example of each kind are among the tagged blocks" {
	scripts=("$WORK"/blocks/*.sh)
	all=$(cat "${scripts[@]}")
	assert_eq 1 "$(grep -cx 'scripts/run' <<<"$all")" 'blocks with scripts/run'
	# It would start this test again.
	refute_match 'scripts/test|ctest' "$all" 'tagged blocks'
	assert_match '^scripts/images' "$all" 'tagged blocks'
	assert_match '^docker run .*--privileged' "$all" 'tagged blocks'
	assert_match 'dind-init ready' "$all" 'tagged blocks'
	assert_match 'doctor' "$all" 'tagged blocks'
	# What is in the README is either tagged or known to be told only.
	readmes=("$TOP"/README.md "$TOP"/images/{dind,docker-dind,jenkins-agent}/README.md)
	assert_eq "$(cat "${readmes[@]}" | grep -c '^```sh$')" "$((${#scripts[@]} + $(grep -cx 'scripts/test' "$TOP/README.md")))" \
		'sh blocks that are tested or are scripts/test'
}

@test "readme: every tagged block does what it says" {
	# A copy: README's commands build things, and a fresh checkout is what they are for.
	mkdir "$WORK/checkout"
	tar -C "$TOP" --exclude=./.git --exclude=./build -cf - . | tar -C "$WORK/checkout" -xf -
	bad=0
	for script in "$WORK"/blocks/*.sh; do
		wanted=$(<"${script%.sh}.status")
		# /tmp is full of other people's files.
		sed "s#/tmp/#$WORK/tmp-#g" "$script" >"$script.run"
		begin=$(now_ms)
		status=0
		(cd "$WORK/checkout" && DOCKER_TIMEOUT=600 timeout --kill-after=10 900 bash -euo pipefail "$script.run") \
			>"$script.log" 2>&1 </dev/null 3>&- || status=$?
		echo "block ${script##*/}: status $status after $(($(now_ms) - begin)) ms"
		if [ "$status" != "$wanted" ]; then
			bad=1
			echo "--- wanted status $wanted of:"
			cat "$script"
			echo '--- its output ends with:'
			tail -n 40 "$script.log"
			docker rm -f -v "${BOXES[@]}" >/dev/null 2>&1 || true
		fi
	done
	[ "$bad" = 0 ]
}

@test "readme: it leaves nothing running" {
	for name in "${BOXES[@]}"; do
		assert_eq '' "$(docker ps -aq --filter "name=^/$name\$")" "container $name"
	done
}

@test "readme: scripts/run shows a nested build, a nested run, what was decided, and how to go on" {
	run_block=$(grep -lx 'scripts/run' "$WORK"/blocks/*.sh)
	output=$(<"$run_block.log")
	assert_match 'overlay2' "$output" 'what scripts/run printed'
	assert_match 'loop' "$output" 'what scripts/run printed'
	assert_match 'docker (exec|run)' "$output" 'how to go on by hand'
}
