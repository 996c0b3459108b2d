# shellcheck shell=bash
# "dind-init inspect" of machines that only this rig has. The answers are asserted where the answer is known here, and
# handed out: tests/vm/run --capture DIR, in the shape of tests/hosts.

# facts NAME: waits for the end of container NAME, hands its output out and leaves it in /run/facts.json
facts() {
	wait_until "$START_LIMIT" is_gone "$1" || not_ok "$1: inspect ends"
	docker logs "$1" >/run/facts.json 2>/run/facts.err
	is "$1: inspect's status" "$(docker inspect -f '{{.State.ExitCode}}' "$1")" 0 || cat /run/facts.err
	check "$1: inspect wrote JSON" jq -e 'type == "object"' /run/facts.json || return 1
	hand_out "$1/facts.json" </run/facts.json
}

# fact NAME PATH WANT
fact() { is "$1: $2" "$(jq -r "$2" /run/facts.json 2>&1)" "$3"; }

groups_before=$(root_groups)

held cgroup2-private -- inspect || return 1
release cgroup2-private
facts cgroup2-private
fact cgroup2-private .cgroups.mode v2
fact cgroup2-private .cgroups.host_namespace no
fact cgroup2-private .cgroups.host_view no
fact cgroup2-private .cgroups.own_path /
fact cgroup2-private .lsm.apparmor yes
fact cgroup2-private .lsm.apparmor_label unconfined

held cgroup2-hostns --cgroupns=host -m 300m -- inspect || return 1
restore_cgroup_options
options_before=$(cgroup_options)
own=$(container_cgroup cgroup2-hostns)
release cgroup2-hostns
facts cgroup2-hostns
fact cgroup2-hostns .cgroups.mode v2
fact cgroup2-hostns .cgroups.host_namespace yes
fact cgroup2-hostns .cgroups.host_view yes
fact cgroup2-hostns .cgroups.own_path "${own#"$CG"}"
fact cgroup2-hostns .cgroups.nsdelegate yes

docker run -d --name apparmor-unprivileged --hostname unprivileged -v /run/job/dind-init:/usr/local/bin/dind-init:ro \
	--entrypoint dind-init nested inspect >/dev/null || not_ok "docker run"
facts apparmor-unprivileged
fact apparmor-unprivileged .lsm.apparmor_label "docker-default (enforce)"
fact apparmor-unprivileged .cgroups.writable.value no

is "inspect left the host's groups alone" "$(root_groups)" "$groups_before"
is "inspect left the cgroup mount's options alone" "$(cgroup_options)" "$options_before"
