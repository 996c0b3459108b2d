#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two engines at the same moment for one data root: one wins, and the other says who it was.
# DIND_SOAK=1: a hundred pairs, else ten.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

one_has_ended() { [ "$(docker ps -q --filter "label=dind-case=$CASE" | wc -l)" -lt 2 ]; }

# pair VOLUME-MOUNT [dind-init's options]: sets winner and loser.
pair() {
	local mount=$1 a b first=a second=b
	shift
	box_create a -v "$mount" IMAGE "$@"
	box_create b -v "$mount" IMAGE "$@"
	[ $((RANDOM % 2)) = 0 ] || { first=b second=a; }
	docker start "$(box_name "$first")" >/dev/null &
	docker start "$(box_name "$second")" >/dev/null
	wait $!
	until_true 20 'one of the two has ended' one_has_ended
	a=$(box_state a Running) b=$(box_state b Running)
	case $a-$b in
	true-false) winner=a loser=b ;;
	false-true) winner=b loser=a ;;
	*) fail "a runs: $a, b runs: $b, not exactly one" || return 1 ;;
	esac
	assert_eq 75 "$(box_state "$loser" ExitCode)" "status of the loser" || return 1
	assert_match "^dind-init: error: DIND-STORAGE-05: .*container $(docker inspect -f '{{.Id}}' "$(box_name "$winner")" |
		cut -c 1-12), " "$(box_logs "$loser")" "who the loser says it was"
}

# race PAIRS DIRECTORY [dind-init's options]
# Both are killed in the middle of their start. This is about locks and not about what dockerd finds after that (killed
# between the two records of its default network it does not start again), so each pair has a volume of its own.
race() {
	local pairs=$1 directory=$2 i wins_a=0 volume
	shift 2
	for ((i = 1; i <= pairs; i++)); do
		volume=$(volume "$BATS_TEST_NUMBER-$i")
		pair "$volume:$directory" "$@" || fail "pair $i of $pairs" || return 1
		[ "$winner" = b ] || wins_a=$((wins_a + 1))
		# The winner is not hurt. It costs a second, so not every time.
		if [ $((i % 10)) = 1 ]; then
			box_ready "$winner"
			assert_eq overlay2 "$(box "$winner" docker info -f '{{.Driver}}')" 'driver of the winner'
		fi
		docker rm -f -v "$(box_name a)" "$(box_name b)" >/dev/null
		docker volume rm "$volume" >/dev/null
	done
	echo "# $pairs pairs, exactly one won each; a won $wins_a times" >&3
}

soak() { if [ "${DIND_SOAK:-0}" = 1 ]; then echo "$1"; else echo $(($1 / 10)); fi; }

@test "race: pairs of engines for one volume" {
	race "$(soak 60)" /var/lib/docker
}

@test "race: pairs of engines for one loop image" {
	race "$(soak 40)" /var/lib/dind-init --storage loop
}
