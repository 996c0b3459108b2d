#!/bin/bash
# The job of the virtual machine: starts the outer engine, runs the machine's cases (selection) in order, ends with 0 (all
# passed), 77 (passed, but something was skipped) or 1. Runs in the virtual machine only: it takes the whole machine as
# its own.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
# shellcheck source=/dev/null
. ./settings
# shellcheck source-path=SCRIPTDIR
. ./lib.sh

start_outer_engine() {
	local options=()
	CASE=outer
	[[ $MACHINE_SECURITY != selinux ]] || options=(--selinux-enabled)
	# Beside it, because dockerd gives one that it starts itself 15 s, which emulated on a busy machine are too few.
	containerd >/run/containerd.log 2>&1 &
	wait_until $((120 * patience)) test -S /run/containerd/containerd.sock
	dockerd --containerd /run/containerd/containerd.sock "${options[@]}" >/run/dockerd.log 2>&1 &
	if ! wait_until $((180 * patience)) /usr/bin/docker info; then
		not_ok "the outer engine starts" "$(tail -n 20 /run/dockerd.log)"
		return 1
	fi
	is "the outer engine is on cgroup $MACHINE_CGROUP" "v$(docker info -f '{{.CgroupVersion}}')" "$MACHINE_CGROUP"
	like "the outer engine uses $MACHINE_SECURITY" "$(docker info -f '{{.SecurityOptions}}')" "name=$MACHINE_SECURITY"
	note "outer engine $(docker version -f '{{.Server.Version}}'), kernel $(uname -r), up $(uptime_seconds) s"
}

selected() {
	local only
	only=$(cat only 2>/dev/null)
	[[ -z $only || ",$only," == *",$1,"* ]]
}

# A case that dies half-way must not look like one that had less to say: each ends by returning from its last line.
run_case() {
	local file start took
	CASE=$1
	file=$(echo cases/[0-9]*-"$CASE".sh)
	start=$(uptime_seconds)
	if ! selected "$CASE"; then
		skip "all of it" "not among the selected cases"
		return
	fi
	rm -f /run/rig.finished
	(
		set -u
		# shellcheck source=/dev/null
		. "$file"
		touch /run/rig.finished
	) 2>&1
	[[ -e /run/rig.finished ]] || not_ok "the case ran to its end"
	# What a case leaves behind is its own affair to assert; the next one starts clean.
	docker ps -aq | xargs -r timeout 60 docker rm -fv >/dev/null 2>&1
	took=$(($(uptime_seconds) - start))
	note "$CASE took $took s"
	seconds+=" $CASE $took,"
}

: >"$RESULTS"
if start_outer_engine; then
	seconds="start $(uptime_seconds),"
	mapfile -t selection <selection
	for name in "${selection[@]}"; do
		run_case "$name"
	done
	note "$MACHINE, seconds: ${seconds%,}"
fi
total=$(wc -c <"$RESULTS")
failed=$(tr -cd n <"$RESULTS" | wc -c)
skipped=$(tr -cd s <"$RESULTS" | wc -c)
echo "1..$total"
echo "# $((total - failed - skipped)) passed, $failed failed, $skipped skipped, $(uptime_seconds) s since boot"
((failed == 0)) || exit 1
((skipped == 0)) || exit 77
((total > 0)) || exit 1
