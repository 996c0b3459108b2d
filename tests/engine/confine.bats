#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --confine: from an inner privileged container no call on the list reaches the host's kernel, and nothing that people do
# with an engine needs one. The calls are made with arguments that could do nothing even where they are allowed.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

setup_file() {
	engine_setup_file
	# Calls of the 64-bit ABIs and the 32-bit one by the way in; and a program that really is a 32-bit one.
	"${CC:-cc}" -O1 -static -o "$WORK/calls" "$TOP/tests/ns/helper_confine.c"
	"${CC:-cc}" -O1 -m32 -ffreestanding -fno-stack-protector -fno-pie -nostdlib -static -no-pie \
		-o "$WORK/calls32" "$TOP/tests/engine/confine32.c"
	printf 'FROM bb\nCOPY calls calls32 /bin/\n' >"$WORK/Dockerfile"
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() { engine_teardown_file; }

# box_calls NAME: the image `calls` in the inner engine.
box_calls() {
	box_import "$1"
	tar -C "$WORK" -c Dockerfile calls calls32 | box_in "$1" docker build -q -t calls - >/dev/null
}

# Lines "LIST NAME ABI ERRNO" of the helper that are refused with EPERM (1).
refused() { awk '$1 == "refused" && $4 == 1' <<<"$1"; }
seccomp_of() { box "$1" awk '$1 == "Seccomp:" { print $2 }' "/proc/$2/status"; }

@test "confine: an inner privileged container is refused every call on the list, in every ABI, and no other" {
	box_start on IMAGE
	box_ready on
	box_log_has on 'confine: the engine.s tree may not call kexec_load, .* of the host.s kernel \(EPERM\)'
	box_log_has on 'ready after .*, limits hold.*, engine under a seccomp filter, host unchanged'
	box_calls on
	calls=$(box on docker run --rm --privileged calls calls)
	echo "$calls"
	assert_eq '' "$(awk '$1 == "refused" && $4 != 1' <<<"$calls")" 'calls that are not refused'
	[ "$(refused "$calls" | wc -l)" -ge 29 ]
	assert_eq '' "$(awk '$1 == "allowed" && $4 == 1' <<<"$calls")" 'calls that are refused by mistake'
	# Where the kernel has no 32-bit ABI the program cannot be started at all.
	grep -q '^no i386' <<<"$calls" || assert_eq "done" "$(box on docker run --rm --privileged calls calls32)" 'a 32-bit program'

	box_start off IMAGE --confine off
	box_ready off
	box_log_has off 'confine: off'
	box_log_has off 'ready after .*, engine not confined'
	box_calls off
	free=$(box off docker run --rm --privileged calls calls)
	echo "$free"
	# What is missing in the kernel is ENOSYS; a capability may be missing here, so not all of them are wanted.
	[ "$(refused "$free" | wc -l)" -lt 5 ]
	assert_eq "$(grep ^allowed <<<"$free")" "$(grep ^allowed <<<"$calls")" 'the calls that are not on the list'
}

@test "confine: the engine's tree and nobody else is under the filter, without no_new_privs" {
	box_run who IMAGE --engine-log none -- sh -c '
		for p in 1 self $(pidof dockerd) $(pidof containerd); do
			echo "$(cat /proc/$p/comm)" $(sed -n "s/^\(NoNewPrivs\|Seccomp\):\t//p" /proc/$p/status)
			sed -n "s/^Speculation_Store_Bypass:\t/bypass /p" /proc/$p/status
			echo "caps-$(cat /proc/$p/comm)" $(sed -n "s/^Cap\(Eff\|Bnd\):\t//p" /proc/$p/status)
		done'
	assert_eq 0 "$status" status
	# NoNewPrivs, Seccomp
	assert_match '^dind-init 0 0$' "$out" 'PID 1'
	assert_match '^sh 0 0$|^sed 0 0$|^cat 0 0$' "$out" COMMAND
	assert_match '^dockerd 0 2$' "$out" dockerd
	assert_match '^containerd 0 2$' "$out" containerd
	# PID 1 has in effect what it needs; what it starts as root has all there is
	assert_eq 3 "$(awk '/^caps-(dockerd|containerd|sed|cat|sh) / && $2 == $3 { print $1 }' <<<"$out" | sort -u | wc -l)" \
		'programs with every capability'
	read -r _ effective bounding <<<"$(grep '^caps-dind-init ' <<<"$out")"
	assert_eq 200000 "$(printf %x $((0x$effective & 0x200000)))" 'CAP_SYS_ADMIN of PID 1'
	assert_eq 0 "$((0x$effective & 0x2033400))" 'NET_ADMIN, NET_RAW, NET_BIND_SERVICE, SYS_MODULE, SYS_RAWIO, SYS_TIME of PID 1'
	[ "$effective" != "$bounding" ]
	# the filter changes nothing about the processor
	[ "$(grep '^bypass' <<<"$out" | sort -u | wc -l)" -le 1 ]
}

@test "confine: what is done with an engine works: builds by both builders, compose, a profile of one's own, time namespaces" {
	box_start all IMAGE
	box_ready all
	box_import all
	# A plain container has Docker's own profile on top, and sudo would work in it.
	assert_match '^NoNewPrivs:\s0$' "$(box all docker run --rm bb cat /proc/self/status)" 'plain container'
	assert_match '^Seccomp_filters:\s2$' "$(box all docker run --rm bb cat /proc/self/status)" 'plain container'
	# The profile refuses mkdir beside what we refuse.
	box all sh -c 'echo "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\",\"mkdirat\"],\"action\":\"SCMP_ACT_ERRNO\"}]}" >/tmp/profile.json'
	box all docker run --rm --security-opt seccomp=/tmp/profile.json bb sh -c '! mkdir /tmp/x && touch /tmp/y'

	printf 'FROM bb\nRUN echo one >/word && chown 7:8 /word && mknod /dev/made c 1 3\nCMD ["cat", "/word"]\n' >"$WORK/both"
	box_in all env DOCKER_BUILDKIT=0 docker build -q -t classic - <"$WORK/both"
	assert_eq one "$(box all docker run --rm classic)" 'built by the classic builder'
	box_in all docker buildx build --load -t kit - <"$WORK/both"
	assert_eq one "$(box all docker run --rm kit)" 'built by BuildKit'
	box all sh -c 'mkdir -p /tmp/app && printf "services:\n  a:\n    image: bb\n    command: sleep 600\n    stop_grace_period: 1s\n    privileged: true\n  b:\n    image: bb\n    depends_on: [a]\n    command: ping -c 1 -w 10 a\n" >/tmp/app/compose.yaml'
	box all docker compose --project-directory /tmp/app up --abort-on-container-exit --exit-code-from b
	box all docker compose --project-directory /tmp/app down --timeout 1

	# Mounts, namespaces, device nodes, the clock read by an ordinary program; of time namespaces the clocks of their own.
	box all docker run --rm --privileged bb sh -ec '
		mkdir /m; mount -t tmpfs none /m; umount /m
		unshare -m -p -f true
		mknod /tmp/null c 1 3; echo >/tmp/null
		adjtimex | grep -q status
		date +%s >/dev/null'
	if box all test -e /proc/self/ns/time; then
		assert_match '^[0-9]{7}' "$(box all docker run --rm --privileged -v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro bb \
			/usr/bin/unshare --time --boottime 5000000 --fork cat /proc/uptime)" 'uptime in a time namespace'
	fi
	box all docker run --rm --init --pids-limit 100 --memory 64m --cpus 0.5 bb true
	box_stop all
	assert_eq 0 "$status" status
}

@test "confine: modules may be loaded by who mounts /lib/modules in" {
	box_start modules -v "$(volume modules):/lib/modules:ro" IMAGE
	box_ready modules
	box_log_has modules 'it may load modules, because /lib/modules is mounted in'
	box_calls modules
	calls=$(box modules docker run --rm --privileged calls calls)
	assert_eq '' "$(refused "$calls" | grep _module)" 'calls about modules that are refused'
	assert_match '^refused kexec_load x86_64 1$' "$calls" 'another call'
	assert_match '^refused swapoff i386 1$|^no i386' "$calls" 'another call'
}

@test "confine: plan shows the list, off shows none, other words are refused" {
	box_run list IMAGE plan --json
	assert_eq 0 "$status" status
	assert_match '"open_by_handle_at"' "$out" plan
	box_run none -e DIND_CONFINE=off IMAGE plan --json
	refute_match 'open_by_handle_at' "$out" 'plan with off'
	box_run wrong IMAGE --confine kernel
	assert_eq 64 "$status" status
	assert_match 'confine' "$err" 'what is said'
}
