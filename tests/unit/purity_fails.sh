#!/usr/bin/env bash
# purity.sh must be able to fail: doctored archives, one forbidden call each.
#
#   purity_fails.sh [CC AR NM]
set -euo pipefail

cc=${1:-cc} ar=${2:-ar} nm=${3:-nm}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# check NAME MODE STATUS WORD CODE: an archive of CODE gives STATUS and names WORD
check() {
	local name=$1 mode=$2 want=$3 word=$4 status=0 output
	printf '%s\n' "$5" >"$work/$name.c"
	"$cc" -O0 -fno-builtin -w -c "$work/$name.c" -o "$work/$name.o"
	"$ar" rc "$work/$name.a" "$work/$name.o"
	output=$("$here/purity.sh" "$mode" "$work/$name.a" "$nm" 2>&1) || status=$?
	if [ "$status" -ne "$want" ] || [[ $output != *"$word"* ]]; then
		printf 'not ok: %s: status %s instead of %s: %s\n' "$name" "$status" "$want" "$output" >&2
		failed=1
	fi
}

check plan-pure plan 0 pure 'int strcmp(const char *, const char *); int f(void) { return strcmp("a", "b"); }'
check plan-clock plan 1 clock_gettime 'int clock_gettime(int, void *); int f(void) { return clock_gettime(0, 0); }'
check plan-file plan 1 open 'int open(const char *, int); int f(void) { return open("/x", 0); }'
check plan-environment plan 1 getenv 'char *getenv(const char *); int f(void) { return *getenv("x"); }'
check plan-global plan 1 environ 'extern char **environ; int f(void) { return environ != 0; }'
check plan-malloc plan 1 malloc 'void *malloc(unsigned long); int f(void) { return malloc(1) != 0; }'
check supervise-pure supervise 0 pure 'int read(int, void *, unsigned long); int f(void) { return read(0, 0, 0); }'
check supervise-malloc supervise 1 malloc 'void *malloc(unsigned long); int f(void) { return malloc(1) != 0; }'
check supervise-strdup supervise 1 strdup 'char *strdup(const char *); int f(void) { return *strdup("x"); }'
check supervise-stdio supervise 1 fprintf 'int fprintf(void *, const char *, ...); int f(void) { return fprintf(0, ""); }'
check supervise-arena supervise 1 arena_alloc 'void *arena_alloc(void *, unsigned long); int f(void) { return arena_alloc(0, 1) != 0; }'
check no-code plan 2 'no code' 'typedef int nothing;'

[ "$failed" -eq 0 ] && printf 'purity.sh fails where it must\n'
exit "$failed"
