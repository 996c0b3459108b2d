#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Four agents lease from a pool of two slots and are killed at random: no slot is lost, none shared.
# DIND_SOAK=1: fifty kills, else five. DIND_SOAK_SEED repeats a sequence.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() { engine_setup_file; }
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

AGENTS=(a b c d)

# The slot that PID 1 of the box has locked now: one that only tries has the file open, but no lock on it.
HELD='for f in /proc/1/fd/*; do
	l=$(readlink "$f") || continue
	case $l in /cache/slot-*/.dind-lock) ! grep -q FLOCK "/proc/1/fdinfo/${f##*/}" || echo "$l" ;; esac
done'
held() { box "$1" sh -c "$HELD" 2>/dev/null | sed 's/.*\/\(slot-[0-9]*\)\/.*/\1/'; }

# Prints "BOX SLOT" for each agent that holds one.
holders() {
	local agent slot
	for agent in "${AGENTS[@]}"; do
		for slot in $(held "$agent"); do echo "$agent $slot"; done
	done
}

# none_shared TABLE: never one slot twice, at whatever moment.
none_shared() {
	local twice
	twice=$(awk '{ print $2 }' <<<"$1" | sort | uniq -d)
	[ -z "$twice" ] || fail "$twice is held twice:"$'\n'"$1"
}

# both_leased: sets table. A slot is lost when nobody gets it though two wait for it.
both_leased() {
	table=$(holders)
	[ "$(awk '{ print $2 }' <<<"$table" | sort | xargs)" = 'slot-1 slot-2' ]
}

# Waits until both are leased; what is seen on the way must be right, too.
settle() {
	local end=$((SECONDS + 30))
	until both_leased; do
		none_shared "$table" || return 1
		[ "$SECONDS" -lt "$end" ] || fail "a slot is lost; held are:"$'\n'"$table" || return 1
		sleep 0.1
	done
}

@test "soak: four agents in a pool of two slots, killed at random" {
	kills=$([ "${DIND_SOAK:-0}" = 1 ] && echo 50 || echo 5)
	RANDOM=${DIND_SOAK_SEED:=$((EPOCHSECONDS % 32768))}
	echo "# seed $DIND_SOAK_SEED" >&3
	pool=$(volume pool)
	for agent in "${AGENTS[@]}"; do
		box_start "$agent" -v "$pool:/cache" IMAGE --cache-pool /cache --cache-slots 2 --cache-busy wait
	done
	settle
	in_use=0 waiting=0
	for ((i = 1; i <= kills; i++)); do
		# At whatever it is: waiting, starting, running.
		sleep "0.$((RANDOM % 10))"
		victim=${AGENTS[RANDOM % 4]}
		# Every other time one that has a slot: only that can be lost.
		[ $((i % 2)) = 0 ] || victim=$(sed -n "$((RANDOM % 2 + 1))s/ .*//p" <<<"$table")
		if [ -n "$(held "$victim")" ]; then in_use=$((in_use + 1)); else waiting=$((waiting + 1)); fi
		box_kill "$victim"
		docker start "$(box_name "$victim")" >/dev/null
		settle || fail "after kill $i, of $victim"
	done
	[ "$in_use" -gt 0 ] || fail 'no agent was killed that had a slot'
	# Both are as good as new.
	while read -r agent slot; do
		box_ready "$agent"
		box_try "$agent" "in-$slot"
	done <<<"$table"
	facts=$(box "${table%% *}" ls /cache)
	assert_eq 'slot-1 slot-2' "$(xargs <<<"$facts")" 'what is in the pool'
	echo "# $kills kills ($in_use with a slot, $waiting without): no slot lost, none shared" >&3
}
