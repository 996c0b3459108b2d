# shellcheck shell=bash
# Tests of the ns tier that need controllers of a v2 tree to hand on, or a v1 hierarchy with groups. What they do not run
# there they must run here.

found=no
if [[ $MACHINE_CGROUP == v2 ]]; then
	programs=(tests/test_apply_cgroup2 tests/test_apply_kill tests/test_apply_lsm)
	# As an init system would have done; with "only steps" no container has made the engine do it yet.
	echo "+memory +pids" >"$CG/cgroup.subtree_control"
else
	programs=(tests/test_apply_cgroup1)
	mkdir -p "$CG/memory/rig"
	echo "$BASHPID" >"$CG/memory/rig/cgroup.procs"
fi
for program in "${programs[@]}"; do
	[[ -x $program ]] || continue
	found=yes
	output=$(LD_LIBRARY_PATH=$PWD/tests timeout -k 5 240 "$program" 2>&1)
	is "$(basename "$program") ends with 0" $? 0 || printf '%s\n' "$output" | tail -n 30
	case $output in
	*"not run"* | *skipped*) not_ok "$(basename "$program") runs all of its tests" "$output" ;;
	*) ok "$(basename "$program") runs all of its tests" ;;
	esac
done
[[ $found == yes ]] || skip "tests of the ns tier" "none were given (--test)"
