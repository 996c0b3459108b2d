# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For privileges.bats, scripts/privilege-table and the virtual machines' case "withheld": a nested engine with one privilege
# withheld, and what came of it.
#
# shellcheck disable=SC2034 # what is set here is read there
#
# Wants a command `docker` for the outer engine, IMAGE, WORK (a directory that the outer engine sees) with bb.tar
# (busybox) in it, and PRIVILEGE_RUN, the options that every container is started with (names, labels).

# What is withheld from a container of --privileged is taken away before dind-init starts, by a shell that it replaces:
# `docker run --cap-drop` does not work beside --privileged.
privilege_withhold() {
	case $1 in
	cap:*) echo "exec setpriv --bounding-set=-${1#cap:} --inh-caps=-${1#cap:} \"\$@\"" ;;
	no-new-privileges) echo 'exec setpriv --no-new-privs "$@"' ;;
	sys) echo 'mount -o remount,bind,ro /sys && exec "$@"' ;;
	cgroup) echo 'mount -o remount,bind,ro /sys/fs/cgroup && exec "$@"' ;;
	proc-sys) echo 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"' ;;
	fuse) echo 'rm -f /dev/fuse && exec "$@"' ;;
	# With cgroup v1: the list that docker gives a container without --privileged, and what comes behind the colon.
	devices:*) privilege_devices "${1#devices:}" ;;
	*) echo 'exec "$@"' ;;
	esac
}

# privilege_devices LIST: a script that allows the devices that every container has, and those of LIST (fuse loop).
privilege_devices() {
	local rules='"c *:* m" "b *:* m" "c 1:3 rwm" "c 1:5 rwm" "c 1:7 rwm" "c 1:8 rwm" "c 1:9 rwm" "c 5:* rwm" "c 136:* rwm"'
	[[ $1 != *fuse* ]] || rules+=' "c 10:229 rwm"'
	[[ $1 != *loop* ]] || rules+=' "c 10:237 rwm" "b 7:* rwm"'
	# shellcheck disable=SC2016
	printf '%s\n' 'cd /sys/fs/cgroup/devices && echo a >devices.deny &&
		for rule in "c 10:200 rwm" '"$rules"'; do echo "$rule" >devices.allow || exit; done && cd / && exec "$@"'
}

# The use of an engine, one word for each part that works.
# shellcheck disable=SC2016
PRIVILEGE_USES='
	docker import -c "ENV PATH=/bin" - bb </given/bb.tar >/dev/null
	[ "$(docker run --rm bb echo yes)" != yes ] || echo run
	[ "$(docker run --rm -p 8080:80 -m 64m bb echo yes)" != yes ] || echo limits
	[ "$(docker run --rm --privileged bb echo yes)" != yes ] || echo privileged
	printf "FROM bb\nRUN touch /a && chown 1:1 /a\n" | docker build -q - >/dev/null && echo build
	docker info -f "driver={{.Driver}}"'
PRIVILEGE_ALL='run limits privileged build'

# privilege_try WHAT [docker options]: runs it. Sets status, uses (the words above), driver, and said: the lines of warnings,
# notices and errors that PRIVILEGE_BASE (those of a run with everything) does not have.
privilege_try() {
	local what=$1 all=()
	shift
	[ "$what" = unprivileged ] || all=(--privileged)
	status=0
	# shellcheck disable=SC2154
	docker run --rm "${PRIVILEGE_RUN[@]}" "${all[@]}" "$@" -v "$WORK/bb.tar:/given/bb.tar:ro" --entrypoint sh "$IMAGE" \
		-c "$(privilege_withhold "$what")" - dind-init -- bash -c "$PRIVILEGE_USES" \
		>"$WORK/privilege.out" 2>"$WORK/privilege.err" </dev/null || status=$?
	uses=$(grep -xE "${PRIVILEGE_ALL// /|}" "$WORK/privilege.out" | tr '\n' ' ') || true
	uses=${uses% }
	driver=$(sed -n 's/^driver=//p' "$WORK/privilege.out")
	said=$(grep -E '^dind-init: (warning|notice|error): ' "$WORK/privilege.err" | sed 's/^dind-init: [a-z]*: //' |
		grep -vxF -e "${PRIVILEGE_BASE:-nothing}") || true
}

# privilege_outcome NAME: one of "works", "degrades", "refused", judged by the rule that nothing is lost in silence: what
# is refused ends with 77 and a flag, what is lost is named. Sets outcome; false when the rule is broken. NAME is a
# word of the flag that gives the privilege back.
privilege_outcome() {
	case $status in
	77)
		outcome=refused
		grep -qE -e "--(privileged|cap-add $1|security-opt)" <<<"$said"
		;;
	0)
		if [ -n "$said" ]; then outcome=degrades; else outcome=works; fi
		[ "$uses" = "$PRIVILEGE_ALL" ] || grep -qiE -e "$1" <<<"$said"
		;;
	*)
		outcome="status $status"
		return 1
		;;
	esac
}

# privilege_line WORD: what was said of it, in one line: fact and remedy without the codes' repetition.
privilege_line() {
	local lines
	lines=$(grep -iE -e "$1" <<<"$said" || echo "$said")
	awk '{ code = $1; $1 = ""; text = (code == last) ? text $0 : text (NR > 1 ? "; " : "") code $0; last = code }
		END { print text }' <<<"$lines"
}
