# shellcheck shell=bash disable=SC2016
# The host's SELinux policy, enforced: it is the only one there is, and the nested engine neither takes it for its own nor
# is kept from anything by it. Last the same engine with the policy permissive, in the same boot.

ENFORCE=/sys/fs/selinux/enforce
policy_digest() { sha256sum </sys/fs/selinux/policy; }
# What the policy denied to anything in a container since the last dmesg -C; the rig's own noise is not of interest.
denials() { dmesg | grep 'avc: *denied' | grep -E 'scontext=[^ ]*:(spc_t|container_t|unlabeled_t):' | cut -c1-300; }
label_of() { tr -d '\0' <"/proc/$1/attr/current"; }
pid_of() { docker inspect -f '{{.State.Pid}}' "$1"; }
program=(-v /run/job/dind-init:/usr/local/bin/dind-init:ro --entrypoint dind-init)
almost=(--cap-add ALL --security-opt seccomp=unconfined --security-opt systempaths=unconfined)

sysctl -q kernel.printk_ratelimit=0
mkdir -p /run/held
chcon -R system_u:object_r:container_file_t:s0 /run/job /run/held || not_ok "the job's files get a label"
echo 1 >"$ENFORCE"
is "the policy is enforced" "$(cat "$ENFORCE")" 1
is "the host's own containers have a label" "$(docker run --rm tiny cat /proc/self/attr/current | tr -d '\0' | cut -d: -f3)" container_t
policy_before=$(policy_digest)

# ---- one engine: selinuxfs in sight, no volume

dmesg -C
held box || return 1
chcon -R system_u:object_r:container_file_t:s0 /run/held
inside box <<<'mount -t selinuxfs selinuxfs /sys/fs/selinux' || not_ok "selinuxfs is mounted in the container"
release box
ready box || return 1
is "PID 1 has the label of a privileged container" "$(label_of "$(pid_of box)" | cut -d: -f3)" spc_t
seen=$(
	inside box <<'Y'
echo "selinuxfs=$(awk '$3 == "selinuxfs" { print substr($4, 1, 2) }' /proc/mounts)"
echo "root=$(awk '$2 == "/" { print $4 }' /proc/mounts | grep -o 'context="*[^"]*"*' | tail -n 1)"
echo "data=$(awk '$2 == "/var/lib/docker" { print $3, $4 }' /proc/mounts | grep -o '^[a-z0-9]*\|context="*[^"]*"*' | tr '\n' ' ')"
echo "options=$(docker info -f '{{.SecurityOptions}}')"
echo "driver=$(docker info -f '{{.Driver}}')"
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run --rm -v /word:/shared tiny sh -c 'echo "label=$(cat /proc/self/attr/current)"; echo volume >/shared/f && cat /shared/f' 2>&1
docker run --rm --privileged tiny sh -c 'mount -t tmpfs none /tmp && echo "privileged=$(cat /proc/self/attr/current)"' 2>&1
Y
	# in calls of their own: each has its time
	inside box <<'Y'
printf 'FROM tiny\nRUN echo built >/word && chown 1000:1000 /word && mv /word /moved\nCMD cat /moved\n' >/tmp/Dockerfile
DOCKER_BUILDKIT=0 docker build -q -t built - </tmp/Dockerfile >/dev/null 2>/tmp/build || cat /tmp/build
Y
	inside box <<<'echo "built=$(docker run --rm -m 64m -p 8080:80 built 2>&1)"'
)
is "selinuxfs is not for the engine" "$(value "$seen" selinuxfs)" ro
is "the engine sees no SELinux" "$(value "$seen" options | grep -c selinux)" 0
is "storage driver" "$(value "$seen" driver)" overlay2
like "the loop image has the label that the outer engine gave the container's files" "$(value "$seen" data)" \
	"^ext4 context=.*container_file_t"
like "an inner container runs, with this container's label" "$(value "$seen" label)" ':spc_t:'
like "and may use a directory of the container" "$seen" '(^|[[:cntrl:]])volume'
like "an inner privileged one runs" "$(value "$seen" privileged)" ':spc_t:'
is "a build works" "$(value "$seen" built)" built
like "dind-init says what inner containers run with" "$(docker logs box 2>&1)" \
	'DIND-LSM-01.*SELinux: inner containers .*spc_t.*nothing of the host'
echo 0 >"$ENFORCE"
is "permissive: an inner container runs as well" "$(inside box <<<'docker run --rm built' 2>&1)" built
echo 1 >"$ENFORCE"
docker stop box >/dev/null || not_ok "docker stop"
is "it ended with 0" "$(docker inspect -f '{{.State.ExitCode}}' box)" 0 || logs box
is "the policy denied the engine nothing" "$(denials)" ""

# ---- what is said: no privileged label, selinux-enabled

dmesg -C
said=$(docker run --rm "${almost[@]}" "${program[@]}" nested 2>&1)
is "a container with a tight label is refused" "$?" 77
like "which the kernel has logged: no denial above means that there was none" "$(denials)" 'denied  *\{ sys_admin \}.*:container_t:'
like "with the flag that it lacks" "$said" 'DIND-PRIV-19.*container_t(.|[[:cntrl:]])*--security-opt label=disable'
plan=$(docker run --rm "${almost[@]}" --security-opt label=disable "${program[@]}" nested plan 2>&1)
like "with that flag it is not" "$(grep -c 'DIND-PRIV-19' <<<"$plan") $plan" '^0 Decisions.*Steps'
echo 0 >"$ENFORCE"
plan=$(docker run --rm "${almost[@]}" "${program[@]}" nested plan 2>&1)
like "nor where the policy is permissive" "$(grep -c 'DIND-PRIV-19' <<<"$plan") $plan" '^0 Decisions.*Steps'
echo 1 >"$ENFORCE"
said=$(nested run asked -- --dockerd-args --selinux-enabled 2>&1 >/dev/null; docker wait asked; docker logs asked 2>&1)
like "selinux-enabled is refused" "$said" '^78'
like "with the reason" "$said" 'DIND-LSM-05.*no transition from this container.s label .*spc_t'

# ---- what inspect says there, for tests/hosts (tests/vm/run --capture)

docker run --rm --privileged --hostname privileged "${program[@]}" nested inspect >/run/facts.json
is "inspect: the capability is worth something" "$(jq -r .privileges.admin.value /run/facts.json)" yes
like "inspect: the label of the container's files" "$(jq -r .lsm.root_context /run/facts.json)" ':container_file_t:'
hand_out selinux-privileged/facts.json </run/facts.json
docker run --rm --hostname tight "${almost[@]}" "${program[@]}" nested inspect >/run/facts.json
is "inspect: with a tight label it is not" "$(jq -r .privileges.admin.value /run/facts.json)" no
hand_out selinux-tight/facts.json </run/facts.json

# ---- the full matrix: every place for the data root, both modes

# place WHAT [OPTION...] -- [ARGUMENT...]: an engine whose data root lies there runs, builds and stops without a denial
place() {
	local what=$1 seen
	shift
	dmesg -C
	nested run place "$@" >/dev/null || not_ok "$what: docker run"
	ready place || return 1
	seen=$(inside place <<'Y'
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
printf 'FROM tiny\nRUN echo built >/word && mv /word /moved\nCMD cat /moved\n' | DOCKER_BUILDKIT=0 docker build -q -t built - >/dev/null 2>&1
Y
		inside place <<<'echo "built=$(docker run --rm built 2>&1)"; echo "label=$(stat -c %C /var/lib/docker/overlay2 | cut -d: -f3)"'
	)
	is "$what: a build works" "$(value "$seen" built)" built
	is "$what: label of the data root's files" "$(value "$seen" label)" container_file_t
	docker stop place >/dev/null
	is "$what: it ended with 0" "$(docker inspect -f '{{.State.ExitCode}}' place)" 0 || logs place
	is "$what: no denial" "$(denials)" ""
	docker rm -fv place >/dev/null
}

if [[ ${DIND_SOAK:-0} == 1 ]]; then
	place "volume" -v data:/var/lib/docker -- || return 1
	place "image on a volume" -v image:/var/lib/dind-init -- --storage loop || return 1
	place "tmpfs" -- --storage tmpfs || return 1
	place "the host's groups" --cgroupns=host -- || return 1
	echo 0 >"$ENFORCE"
	place "permissive, no volume" -- || return 1
	place "permissive, volume" -v data:/var/lib/docker -- || return 1
	echo 1 >"$ENFORCE"
fi
is "the host's policy is untouched" "$(policy_digest)" "$policy_before"

# ---- --selinux: for those who bring a policy in which this container may start what it labels

# Debian's, but spc_t is what its own container engines are.
load_transitions() {
	cat >/run/transitions.cil <<-'X'
		(typeattributeset cil_gen_require spc_t)
		(typeattributeset cil_gen_require container_engine_system_domain)
		(typeattributeset container_engine_system_domain (spc_t))
	X
	echo 0 >"$ENFORCE"
	semodule -i /run/transitions.cil && echo 1 >"$ENFORCE"
}

labels() {
	policy_before=$(policy_digest)
	dmesg -C
	# Mounted inside: Debian's policy keeps the outer engine itself from looking at the host's.
	held own -- --selinux --dockerd-args --selinux-enabled || return 1
	chcon -R system_u:object_r:container_file_t:s0 /run/held
	inside own <<<'mount -t selinuxfs selinuxfs /sys/fs/selinux' || not_ok "selinuxfs is mounted in the container"
	release own
	ready own || return 1
	seen=$(
		inside own <<'Y'
echo "options=$(docker info -f '{{.SecurityOptions}}')"
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run -d --name sleeper tiny sleep 1000 >/dev/null
echo "label=$(tr -d '\0' <"/proc/$(docker inspect -f '{{.State.Pid}}' sleeper)/attr/current")"
echo "exec=$(docker exec sleeper cat /proc/self/attr/current | tr -d '\0')"
docker run --rm -v vol:/shared:z tiny sh -c 'echo volume >/shared/f && cat /shared/f' 2>&1
Y
		inside own <<'Y'
echo "asked=$(docker run --rm --security-opt label=level:s0:c1,c2 tiny cat /proc/self/attr/current | tr -d '\0')"
echo "privileged=$(docker run --rm --privileged tiny cat /proc/self/attr/current | tr -d '\0')"
Y
		inside own <<'Y'
printf 'FROM tiny\nRUN echo built >/word && mv /word /moved\nCMD cat /moved\n' | DOCKER_BUILDKIT=0 docker build -q -t built - >/dev/null 2>/tmp/build || cat /tmp/build
echo "built=$(docker run --rm built 2>&1)"
Y
	)
	like "--selinux: the engine uses the policy" "$(value "$seen" options)" name=selinux
	like "--selinux: an inner container has a label of its own" "$(value "$seen" label)" ':container_t:s0:c[0-9]+,c[0-9]+$'
	is "--selinux: docker exec has it, too" "$(value "$seen" exec)" "$(value "$seen" label)"
	like "--selinux: one that asks for categories has them" "$(value "$seen" asked)" ':container_t:s0:c1,c2$'
	like "--selinux: an inner privileged one has the engine's" "$(value "$seen" privileged)" ':spc_t:'
	like "--selinux: a volume that is labelled can be used" "$seen" '(^|[[:cntrl:]])volume'
	is "--selinux: a build works" "$(value "$seen" built)" built
	docker stop own >/dev/null
	is "--selinux: it ended with 0" "$(docker inspect -f '{{.State.ExitCode}}' own)" 0 || logs own
	# The stdin of docker exec is this container's /dev/null, whose categories are not the inner one's; the kernel puts one
	# of its own in its place.
	is "--selinux: the policy denied the engine nothing" "$(denials | grep -v 'path="/dev/null" .*tclass=chr_file')" ""
	is "--selinux: the policy is what was loaded" "$(policy_digest)" "$policy_before"
}

if [[ ${DIND_SOAK:-0} == 1 ]] && check "a policy with the transitions is loaded" load_transitions; then
	labels
fi
true
