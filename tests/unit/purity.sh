#!/usr/bin/env bash
# What a static library may need from elsewhere, told by its undefined symbols.
#
#   purity.sh plan ARCHIVE [NM]       only what tests/unit/purity-plan.txt lists (no I/O, no clock, no malloc)
#   purity.sh supervise ARCHIVE [NM]  nothing that tests/unit/purity-supervise.txt lists (no allocation)
#
# For plain builds: sanitizers and coverage add symbols of their own. Status 0: pure; 1: not; 2: cannot tell.
set -euo pipefail

usage() {
	printf 'usage: %s plan|supervise ARCHIVE [NM]\n' "$0" >&2
	exit 2
}

[ $# -eq 2 ] || [ $# -eq 3 ] || usage
mode=$1 archive=$2 nm=${3:-nm}
here=$(cd "$(dirname "$0")" && pwd)
case $mode in
plan | supervise) list=$here/purity-$mode.txt ;;
*) usage ;;
esac
if [ ! -r "$archive" ] || [ ! -r "$list" ]; then
	printf 'purity: cannot read %s or %s\n' "$archive" "$list" >&2
	exit 2
fi

# Symbols that some member needs and no member defines. nm prints "[VALUE] TYPE NAME", one member after the other.
symbols=$("$nm" "$archive" 2>/dev/null) || {
	printf 'purity: %s cannot read %s\n' "$nm" "$archive" >&2
	exit 2
}
needed=$(awk 'NF >= 2 { type = $(NF - 1); name = $NF; sub(/@.*/, "", name)
	if (type == "U" || type == "w" || type == "v") needed[name] = 1
	else if (type ~ /^[A-Za-z]$/) defined[name] = 1 }
	END { for (name in needed) if (!(name in defined)) print name }' <<<"$symbols" | LC_ALL=C sort)
defined=$(awk 'NF == 3 && $2 == "T"' <<<"$symbols" | wc -l)
# An archive without code would pass whatever was asked.
if [ "$defined" -eq 0 ] || [ -z "$needed" ]; then
	printf 'purity: there is no code in %s\n' "$archive" >&2
	exit 2
fi
if grep -qE '^(__asan_|__ubsan_|__gcov_|__tsan_)' <<<"$needed"; then
	printf 'purity: %s is a build with sanitizers or coverage\n' "$archive" >&2
	exit 2
fi

# Lines of the lists are names or shell patterns; # begins a comment.
mapfile -t patterns < <(sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' "$list")
is_listed() {
	local pattern
	for pattern in "${patterns[@]}"; do
		# shellcheck disable=SC2053 # a pattern is meant
		[[ $1 == $pattern ]] && return 0
	done
	return 1
}

bad=0 count=0
while read -r name; do
	count=$((count + 1))
	if [ "$mode" = plan ] && ! is_listed "$name"; then
		printf 'purity: plan needs %s, which is not on the list\n' "$name" >&2
		bad=1
	elif [ "$mode" = supervise ] && is_listed "$name"; then
		printf 'purity: supervise needs %s, which is forbidden in it\n' "$name" >&2
		bad=1
	fi
done <<<"$needed"
[ "$bad" -eq 0 ] && printf 'purity: %s is pure (%d outside symbols looked at)\n' "$mode" "$count"
exit "$bad"
