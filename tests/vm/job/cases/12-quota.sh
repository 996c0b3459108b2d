# shellcheck shell=bash
# An XFS image as the data root: per-container quotas, docker run --storage-opt size=. This kernel has XFS quotas.

mkdir -p /var/tmp/quota
nested run quota -v /var/tmp/quota:/var/lib/dind-init -- --storage loop --storage-fs xfs --storage-size 2G >/dev/null ||
	not_ok "docker run"
ready quota || return 1

seen=$(inside quota <<'X'
echo "driver=$(docker info -f '{{.Driver}}')"
echo "backing=$(docker info -f '{{range .DriverStatus}}{{index . 1}} {{end}}')"
echo "mount=$(awk '$2 == "/var/lib/docker" { print $3, $4; exit }' /proc/mounts)"
docker import --change 'ENV PATH=/bin' /opt/rig/tiny.tar tiny >/dev/null
docker run --rm --storage-opt size=64m tiny sh -c 'dd if=/dev/zero of=/f bs=1M count=32 2>/dev/null; echo "small=$?"'
docker run --rm --storage-opt size=64m tiny sh -c 'dd if=/dev/zero of=/f bs=1M count=128 2>&1 | sed -n "s/.*: /large=/p" | tail -n 1'
docker run --rm tiny sh -c 'dd if=/dev/zero of=/f bs=1M count=128 2>/dev/null; echo "without=$?"'
X
)
note "$(value "$seen" mount)" "$(value "$seen" backing)"
is "storage driver" "$(value "$seen" driver)" overlay2
like "the data root is XFS with project quotas" "$(value "$seen" mount)" '^xfs .*prjquota'
is "within its size a container writes" "$(value "$seen" small)" 0
like "beyond its size it does not" "$(value "$seen" large)" 'No space left|quota'
is "without one it does" "$(value "$seen" without)" 0
docker stop quota >/dev/null || not_ok "docker stop"
is "it ended with 0" "$(docker inspect -f '{{.State.ExitCode}}' quota)" 0
docker rm quota >/dev/null
like "the image was marked as used" "$(head -c 120 /var/tmp/quota/data.img | tail -c 12 | tr -d '\0')" dind-data
rm -rf /var/tmp/quota
true
