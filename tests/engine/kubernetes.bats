#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The manifests of images/kubernetes: what they name exists, and the pods that need no native sidecar run, under podman in a box.
# A container as containerd makes it for a privileged pod: no control group namespace, no namespace of users, /sys writable.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

PACKAGES=podman,runc,conmon,catatonit,netavark,yq,containerd

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	export PODMAN=$RUN-podman PAYLOAD=$RUN-payload
	root=$("$TOP/scripts/lab" root trixie "$PACKAGES" 2>"$WORK/root.log") || {
		cat "$WORK/root.log"
		fail 'no root with podman could be made'
	}
	DOCKER_TIMEOUT=300 docker import - "$PODMAN" <"$root" >/dev/null
	# The image under test with something to run in the inner engine.
	mkdir "$WORK/payload"
	cp "$(busybox_tar)" "$WORK/payload/bb.tar"
	printf 'FROM %s\nCOPY bb.tar /bb.tar\n' "$IMAGE" >"$WORK/payload/Dockerfile"
	docker build -q -t "$PAYLOAD" "$WORK/payload" >/dev/null
	docker run -d --name "$(box_name kube)" --label "dind-run=$RUN" --privileged -v /var/lib/containers \
		--entrypoint sleep "$PODMAN" infinity >/dev/null
	# Without limits that only CAP_SYS_RESOURCE may set: podman asks for them, and not every machine has it.
	runc_with plain 'del(.process.rlimits)'
	# With one that the kubelet sets (podPidsLimit), and ctr has no option for.
	runc_with pids '.linux.resources.pids.limit = 1000'
	DOCKER_TIMEOUT=300 docker save "$PAYLOAD" | DOCKER_TIMEOUT=300 box_in kube podman --log-level=error load -q >/dev/null
	podman_tag
	box kube mkdir /manifests
	docker cp -q "$TOP/images/kubernetes/." "$(box_name kube):/manifests"
}
setup() { engine_setup; }
teardown() {
	[ -n "$ENGINE_MISSING" ] || podman pod rm -fa -t 0 >/dev/null 2>&1 || true
	engine_teardown
}
teardown_file() {
	[ -z "${PODMAN:-}" ] || docker rm -f -v "$(box_name kube)" >/dev/null 2>&1 || true
	[ -z "${PODMAN:-}" ] || docker image rm -f "$PODMAN" "$PAYLOAD" >/dev/null 2>&1 || true
	engine_teardown_file
}

# runc_with NAME JQ-PROGRAM: makes runc-NAME, which is runc with a changed configuration of each new container.
runc_with() {
	box_in kube sh -c 'cat >"$0"; chmod +x "$0"' "/usr/local/bin/runc-$1" <<-E
		#!/bin/sh
		before=
		for word; do
			if [ "\$before" = --bundle ]; then
				jq '$2' "\$word/config.json" >"\$word/config.new" && mv "\$word/config.new" "\$word/config.json"
			fi
			before=\$word
		done
		exec runc "\$@"
	E
}

podman() {
	docker exec -i -e PODMAN_IGNORE_CGROUPSV1_WARNING=1 "$(box_name kube)" podman --log-level=error \
		--runtime /usr/local/bin/runc-plain --cgroup-manager cgroupfs "$@"
}

podman_tag() { podman tag "$(podman images -q | head -n 1)" docker.io/dind-init/dind:latest; }

# query MANIFEST JQ-PROGRAM [yq's options]: the documents of a manifest, as JSON.
query() { box kube yq "${@:3}" "$2" "/manifests/$1"; }

# play MANIFEST JQ-PROGRAM [JOB]: the pod that it makes, where JOB is $job.
play() {
	query "$1" "$2" -y --arg job "${3:-}" >"$WORK/pod.yaml"
	podman kube play --network none - <"$WORK/pod.yaml" >/dev/null
}

# What a pod is made of, wherever it is in a manifest, and its containers.
SPEC='(.spec.template.spec // .spec)'
# Of the classic pod: JOB is what its job does.
JOB="$SPEC"' |= (.containers[1].command[2] |= sub("docker info &"; "{ " + $job + "; } &"))'
ALL="$SPEC"' | (.initContainers // []) + .containers | .[]'

@test "kubernetes: images, options, volumes and times of the manifests fit together" {
	# So that a manifest that is not parsed is not taken for one in order.
	assert_eq 4 "$(box kube sh -c 'ls /manifests/*.yaml' | wc -l)" manifests
	for manifest in sidecar classic warm jenkins; do
		file=$manifest.yaml
		pods='select(.kind != "Service")'
		assert_eq 1 "$(query $file "$pods | .kind" -r | wc -l)" "pods in $file"
		assert_eq '' "$(query $file "$pods | $ALL | select(.image != \"dind-init/dind\") | .image" -r)" "other images in $file"
		# The engine's container, and no other, is privileged, limited, probed by our own command.
		engine='select(.securityContext.privileged)'
		assert_eq 1 "$(query $file "$pods | $ALL | $engine | .name" -r | wc -l)" "engines in $file"
		assert_eq 'null' "$(query $file "$pods | $ALL | $engine | .command" -r)" "command of the engine in $file"
		assert_eq '["dind-init","ready"]' "$(query $file "$pods | $ALL | $engine | (.startupProbe, .readinessProbe, .livenessProbe) | .exec.command" -c | sort -u)" "probes in $file"
		assert_match '^[1-9]' "$(query $file "$pods | $ALL | $engine | .resources.limits.memory" -r)" "memory in $file"
		# Every mount is one of the pod's volumes; the plugin of Jenkins brings one of its own.
		assert_eq '' "$(query $file "$pods | $SPEC as \$s | [$ALL | .volumeMounts[]?.name] - [\$s.volumes[].name, \"workspace-volume\"] | .[]" -r)" "volumes in $file"
		# What is left of the grace when the engine has used its own.
		grace=$(query $file "$pods | $SPEC | .terminationGracePeriodSeconds" -r)
		stop=$(query $file "$pods | $ALL | $engine | .args[] | select(startswith(\"--stop-timeout=\"))" -r)
		[ "${stop#*=}" -lt "$grace" ] || fail "$file: $stop, and a grace of $grace s"
		# The options are known, and do what a plan can be made of.
		mapfile -t args < <(query $file "$pods | $ALL | $engine | .args[]" -r)
		[ "${#args[@]}" -ge 4 ] || fail "$file: arguments of the engine: ${args[*]}"
		box_run "plan-$manifest" -m 512m -v /pool -v /pod IMAGE plan "${args[@]}"
		assert_eq 0 "$status" "status of the plan for $file"
		assert_match 'DIND-CGROUP-14' "$out$err" "plan for $file"
		# Kubernetes stops inner containers, too: nobody names what must be outside of the limits.
		refute_match 'cgroup-parent' "$(box kube cat "/manifests/$file")" "$file"
	done
}

@test "kubernetes: the classic pod: the job waits for the engine, limits hold, and the Job ends" {
	# Without --mirror-limits: what holds are the pod's own.
	play classic.yaml "$JOB | $SPEC"' |= (.containers[0].resources = {limits: {memory: "512Mi"}} | .containers[0].args -= ["--mirror-limits"])' \
		'docker import -c "ENV PATH=/bin" - bb </bb.tar >/dev/null
			docker run --rm bb sh -c "head -c 1073741824 /dev/zero | tail" >/dev/null
			echo "container ended with $?"
			docker version -f "engine {{.Server.Os}}"
			exit 7'
	assert_eq 7 "$(podman wait build-pod-job)" 'status of the job'
	# It is told by --quit-pipe.
	assert_eq 0 "$(podman wait build-pod-dind)" 'status of the engine'
	log=$(podman logs build-pod-job 2>&1)
	assert_match '^container ended with 137$' "$log" 'output of the job'
	assert_match '^engine linux$' "$log" 'output of the job'
	log=$(podman logs build-pod-dind 2>&1)
	assert_match '\(memory: 512.0 MiB\) hold for all inner containers' "$log" 'output of the engine'
	assert_match 'stopped cleanly' "$log" 'output of the engine'
}

pod_says() { podman logs "$1" 2>&1 | grep -qxF -e "$2"; }

@test "kubernetes: the classic pod: a job that is killed ends the Job, too" {
	# For the case that there never is a job.
	assert_match '^[1-9][0-9]*$' "$(query classic.yaml .spec.activeDeadlineSeconds -r)" activeDeadlineSeconds
	play classic.yaml "$JOB" 'echo at work; exec sleep 600'
	until_true 60 'the job is at work' pod_says build-pod-job 'at work'
	# No trap of a shell sees that: all of the container's processes at once, as when memory runs out.
	podman kill -s KILL build-pod-job >/dev/null
	assert_eq 137 "$(podman wait build-pod-job)" 'status of the job'
	assert_eq 0 "$(podman wait build-pod-dind)" 'status of the engine'
	log=$(podman logs build-pod-dind 2>&1)
	assert_match "stop: nobody holds '/pod/job' any more" "$log" 'output of the engine'
	assert_match 'stopped cleanly' "$log" 'output of the engine'
}

@test "kubernetes: an engine that is killed fails the pod, and says so in the termination log" {
	box kube sh -c ': >/run/termination'
	play classic.yaml "$JOB | $SPEC"' |= (.volumes += [{name: "termination", hostPath: {path: "/run/termination", type: "File"}}]
		| .containers[0].volumeMounts += [{name: "termination", mountPath: "/dev/termination-log"}])' \
		'echo at work; docker events; echo events ended; exit 9'
	# Before that the job's shell waits for an engine, for longer than we do.
	until_true 60 'the job is at work' pod_says build-pod-job 'at work'
	podman exec build-pod-dind dind-init ready
	podman exec build-pod-dind sh -c 'kill -KILL "$(cat /run/docker.pid)"'
	assert_eq 137 "$(podman wait build-pod-dind)" 'status of the engine'
	assert_match '(SIGKILL|signal 9|killed)' "$(box kube cat /run/termination)" 'termination log'
	assert_eq 9 "$(podman wait build-pod-job)" 'status of the job'
}

@test "kubernetes: a pod with warm caches has a slot; at its end the agent has the engine until it is done" {
	# On a volume of the box's, as a node has a disk.
	play warm.yaml 'select(.kind == "StatefulSet") | {apiVersion: "v1", kind: "Pod", metadata: {name: "agents-0"}, spec: .spec.template.spec}
		| .spec.volumes[0].hostPath.path = "/var/lib/containers/pool"
		| .spec.containers[0].args |= .[:index("--")] + ["--", "sh", "-c", $job]' \
		'trap "docker version -f \"good-bye from {{.Server.Os}}\" >&2; exit 5" TERM; echo at work; sleep 600 & wait'
	until_true 60 'the agent is at work' pod_says agents-0-agent 'at work'
	podman exec agents-0-agent dind-init ready
	assert_match ' /[^ ]*pool/slot-1 /var/lib/docker ' "$(podman exec agents-0-agent cat /proc/self/mountinfo)" 'mounts of the agent'
	podman pod stop -t 60 agents-0 >/dev/null
	assert_eq 5 "$(podman wait agents-0-agent)" "status of the pod's container"
	log=$(podman logs agents-0-agent 2>&1)
	assert_match 'leased /pool/slot-1' "$log" 'output'
	assert_eq 'waiting for COMMAND,good-bye from linux,waiting for dockerd,stopped cleanly' \
		"$(grep -oE 'waiting for (COMMAND|dockerd)|good-bye from linux|stopped cleanly' <<<"$log" | paste -sd,)" 'order of the end'
}

@test "kubernetes: the pod of Jenkins: steps as uid 1000 have the engine, and nobody uses up the grace of the pod's end" {
	# Its form for Kubernetes before 1.29, with the volume that the plugin adds.
	play jenkins.yaml '.spec |= (.volumes += [{name: "workspace-volume", emptyDir: {}}]
		| .containers = (.initContainers | map(del(.restartPolicy))) + .containers | del(.initContainers))'
	until_true 60 'the engine is ready' podman exec jenkins-agent-dind dind-init ready
	assert_eq '1000 linux' "$(podman exec jenkins-agent-docker sh -c 'echo "$(id -u) $(docker version -f {{.Server.Os}})"')" 'user and engine of a step'
	podman pod stop -t 60 jenkins-agent >/dev/null
	# Else it is 137, after all of the 60 s.
	assert_eq 143 "$(podman wait jenkins-agent-docker)" 'status of the container of the steps'
	assert_eq 0 "$(podman wait jenkins-agent-dind)" 'status of the engine'
	assert_match 'stopped cleanly' "$(podman logs jenkins-agent-dind 2>&1)" 'output of the engine'
}

# in_pod COMMAND...: in the container that containerd runs.
in_pod() { docker exec -i "$(box_name kube)" ctr task exec --exec-id "e$RANDOM$RANDOM" pod "$@"; }

# seen_inside CONTROLLER V1-FILE V2-FILE: what an inner container without limits of its own is told.
seen_inside() { in_pod docker run --rm bb sh -c "cat /sys/fs/cgroup/$3 2>/dev/null || cat /sys/fs/cgroup/$1/$2"; }
# The same file of the pod's own group, seen from outside.
seen_outside() { box kube sh -c "cat /sys/fs/cgroup/default/pod/$3 2>/dev/null || cat /sys/fs/cgroup/$1/default/pod/$2"; }

@test "kubernetes: under containerd limits hold and are mirrored; a killed engine says so in the termination log" {
	box kube sh -c 'mkdir -p /var/lib/containers/data; : >/run/said; (containerd >/run/containerd.log 2>&1 &)'
	until_true 30 'containerd answers' box kube ctr version
	podman create --name root --network none docker.io/dind-init/dind:latest >/dev/null
	root=$(podman mount root)
	bind() { echo "type=bind,src=$1,dst=$2,options=rbind:rw"; }
	docker exec -d "$(box_name kube)" sh -c 'ctr run --privileged --memory-limit 536870912 \
		--cpu-quota 150000 --cpu-period 100000 --runc-binary /usr/local/bin/runc-pids --env PATH=/usr/sbin:/usr/bin:/sbin:/bin --mount "$1" --mount "$2" \
		--mount type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=rw:nosuid:noexec:nodev --rootfs "$3" pod \
		dind-init --mirror-limits >/run/pod.log 2>&1; echo $? >/run/pod.status' \
		sh "$(bind /var/lib/containers/data /var/lib/docker)" "$(bind /run/said /dev/termination-log)" "$root"
	until_true 60 'the engine is ready' in_pod dind-init ready || {
		box kube tail -n 40 /run/pod.log
		return 1
	}
	in_pod docker import -c 'ENV PATH=/bin' - bb <"$(busybox_tar)" >/dev/null
	assert_eq 536870912 "$(seen_inside memory memory.limit_in_bytes memory.max)" 'memory that an inner container sees'
	assert_match '^150000( 100000)?$' "$(seen_inside cpu cpu.cfs_quota_us cpu.max)" 'processors that an inner container sees'
	assert_eq 1000 "$(seen_inside pids pids.max pids.max)" 'processes that an inner container may have'
	# They hold together, too: each of its groups is below the pod's, which has these limits and counts for them.
	id=$(in_pod docker run -d --pids-limit 5000 bb sh -c 'i=0; while [ $((i += 1)) -le 200 ]; do sleep 600 & done; wait')
	groups=$(in_pod sh -c 'cat "/proc/$(docker inspect -f "{{.State.Pid}}" "$0")/cgroup"' "$id")
	for controller in memory cpu pids; do
		assert_match ":(|([^:]*,)?$controller(,[^:]*)?):.*/default/pod/.*$id" "$groups" "group of an inner container, $controller"
	done
	assert_match '^150000( 100000)?$' "$(seen_outside cpu cpu.cfs_quota_us cpu.max)" "the pod's processors"
	assert_eq 1000 "$(seen_outside pids pids.max pids.max)" "the pod's processes"
	more_than_200() { [ "$(seen_outside pids pids.current pids.current)" -gt 200 ]; }
	until_true 20 "the pod's processes are counted" more_than_200
	in_pod docker rm -f "$id" >/dev/null
	# One that has more than the pod is killed by the pod's.
	assert_match '^ended with 137$' "$(in_pod docker run --rm -m 2g bb sh -c 'head -c 1073741824 /dev/zero | tail >/dev/null; echo "ended with $?"' 2>&1)" 'one with -m 2g'
	in_pod sh -c 'kill -KILL "$(cat /run/docker.pid)"'
	until_true 20 'the container ends' box kube test -s /run/pod.status
	assert_eq 137 "$(box kube cat /run/pod.status)" status
	assert_match '(SIGKILL|signal 9|killed)' "$(box kube cat /run/said)" 'termination log'
}
