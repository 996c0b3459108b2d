# shellcheck shell=bash
# File systems below the data root that the build machines' kernels lack: XFS without file types, vfat, NFS. Which rung a
# nested engine gets on each, and whether it builds and runs there. "row|…" is for scripts/storage-table.

backing_dir=/var/backing
mkdir -p "$backing_dir"

# backing_mounted NAME TYPE MKFS...: a file system in a file, mounted; prints nothing. The loop device goes with the mount.
backing_mounted() {
	local name=$1 type=$2
	shift 2
	truncate -s 2G "$backing_dir/$name.img"
	"$@" "$backing_dir/$name.img" >"/run/$name.mkfs" 2>&1 || { cat "/run/$name.mkfs"; return 1; }
	mkdir -p "$backing_dir/$name"
	mount -t "$type" -o loop "$backing_dir/$name.img" "$backing_dir/$name"
}

# Served by this kernel to itself, version 4.2 only: no rpcbind, no lock daemon.
backing_nfs() {
	mkdir -p "$backing_dir/export" "$backing_dir/$1" /var/lib/nfs/rpc_pipefs /var/lib/nfs/v4recovery
	modprobe nfsd && mount -t nfsd nfsd /proc/fs/nfsd || return
	exportfs -i -o "rw,fsid=0,insecure,no_subtree_check,$2" "127.0.0.1:$backing_dir/export" || return
	rpc.mountd --no-nfs-version 3 --no-udp && rpc.nfsd --no-nfs-version 3 --no-udp --grace-time 10 --lease-time 10 2 ||
		return
	# Nobody has anything to reclaim; until that time is over every open would wait.
	echo Y >/proc/fs/nfsd/v4_end_grace
	timeout 60 mount -t nfs4 -o soft,timeo=50,vers=4.2,proto=tcp 127.0.0.1:/ "$backing_dir/$1"
}
backing_nfs_end() {
	umount -l "$backing_dir/$1"
	rpc.nfsd 0
	exportfs -ua
	# shellcheck disable=SC2046
	kill $(pidof rpc.mountd) 2>/dev/null
	umount /proc/fs/nfsd
}

# Three layers that do to the layer below what build steps do.
# shellcheck disable=SC2016
backing_try='
docker import --change "ENV PATH=/bin" /opt/rig/tiny.tar bb >/dev/null || exit
docker build -q -t built - >/dev/null 2>/run/build.err <<D || { echo "build failed: $(tail -n 1 /run/build.err)"; exit; }
FROM bb
RUN mkdir -p /a/old /b && echo one >/a/old/file && echo kept >/b/kept && echo gone >/b/gone
RUN rm -r /a/old && mkdir /a/old && echo two >/a/old/new && rm /b/gone && mv /b /c && chmod 4751 /c/kept
RUN ln /c/kept /c/link && chown 12:34 /c/kept && ln -s kept /c/symbolic && echo three >>/c/kept
D
got=$(docker run --rm built sh -c "ls /a/old /c; cat /c/symbolic; stat -c \"%a %u %g %h\" /c/link" | tr "\n" " ")
[ "$got" = "/a/old: new  /c: kept link symbolic kept three 751 12 34 2 " ] && echo works || echo "run failed: $got"'

# backing_case TITLE NAME RUNG DRIVER WHY [OPTION...]: a nested engine with $backing_dir/NAME at its data root.
backing_case() {
	local title=$1 name=$2 rung=$3 driver=$4 reason=$5 plan got why result
	shift 5
	plan=$(docker run --rm --privileged -v /run/job/dind-init:/usr/local/bin/dind-init:ro \
		-v "$backing_dir/$name:/var/lib/docker" --entrypoint dind-init nested "$@" plan --json 2>/dev/null)
	got=$(jq -r .storage.rung <<<"$plan")
	why=$(jq -r '[.decisions[].fact | select(startswith("not ")) | .[4:]] | join("; ")' <<<"$plan" | tr '|' '/')
	is "$title: rung" "$got" "$rung"
	like "$title: why none above it" "$why" "$reason"
	nested run "back-$name" -v "$backing_dir/$name:/var/lib/docker" -- "$@" >/dev/null
	ready "back-$name" || { echo "row|$title|kernel $(uname -r | cut -d. -f1,2) (vm)|$got|-|does not start|-|$why"; return 1; }
	# Five containers of the innermost kind: longer than one call may take.
	result=$(timeout -k 5 300 /usr/bin/docker exec -i "back-$name" /bin/bash -s <<<"$backing_try" | tail -n 1)
	result=${result:-no answer}
	is "$title: an image of three layers" "$result" works || logs "back-$name"
	is "$title: driver" "$(docker exec "back-$name" docker info -f '{{.Driver}}')" "$driver"
	echo "row|$title|kernel $(uname -r | cut -d. -f1,2) (vm)|$got|$(docker exec "back-$name" docker info -f '{{.Driver}}')|$result|-|$why"
	docker rm -fv "back-$name" >/dev/null
}

mounts_before=$(awk '{ print $5 }' /proc/self/mountinfo | sort)

if backing_mounted xfs0 xfs mkfs.xfs -q -m crc=0 -n ftype=0; then
	backing_case 'XFS, ftype=0' xfs0 loop overlay2 'as-is: .*d_type'
	umount "$backing_dir/xfs0"
else
	not_ok "an XFS without file types can be mounted" "$(dmesg | tail -n 3)"
fi

if modprobe vfat && backing_mounted vfat vfat mkfs.vfat; then
	backing_case 'vfat' vfat loop overlay2 'as-is: .*vfat'
	umount "$backing_dir/vfat"
else
	not_ok "a vfat can be mounted" "$(dmesg | tail -n 3)"
fi

if backing_nfs nfs no_root_squash; then
	backing_case 'NFS 4.2' nfs loop overlay2 'as-is: .*nfs'
	backing_nfs_end nfs
else
	not_ok "an NFS export of our own can be mounted" "$(dmesg | tail -n 3)"
fi

rm -rf "$backing_dir"
is "no loop device is left" "$(losetup -a)" ""
is "no mount is left" "$(awk '{ print $5 }' /proc/self/mountinfo | sort)" "$mounts_before"
