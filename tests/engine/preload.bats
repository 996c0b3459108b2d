#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# dind-client at real engines: archives of every kind, damaged ones, copies, what is there already, clean, prune.

# lib.bash sets status, out, err, elapsed; what is in single quotes is for a shell in the container.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load lib

CLIENT=/usr/libexec/dind-init/dind-client

setup_file() {
	engine_setup_file
	[ -z "$ENGINE_MISSING" ] || return 0
	box_start new IMAGE
	box_start_of old bookworm
	box_start store --entrypoint sh IMAGE -c 'mkdir -p /etc/docker
		echo "{\"features\":{\"containerd-snapshotter\":true}}" >/etc/docker/daemon.json; exec dind-init'
	box_ready new
	[ -f "$WORK/no-old" ] || box_ready old
	box_ready store
	archives_make
}
setup() { engine_setup; }
teardown() { engine_teardown; }
teardown_file() {
	[ -n "${ENGINE_MISSING:-}" ] || docker image rm -f "$RUN-outer:one" "$RUN-outer:two" >/dev/null 2>&1 || true
	engine_teardown_file
}

# A box of another suite, where there is an image of it.
box_start_of() {
	local IMAGE=${IMAGE%:*}:$2
	docker image inspect "$IMAGE" >/dev/null 2>&1 || { touch "$WORK/no-old"; return 0; }
	box_start "$1" IMAGE
}

old_or_skip() { [ ! -f "$WORK/no-old" ] || engine_skip 'no image of bookworm: scripts/images --build-arg SUITE=bookworm dind'; }

# The archives, made once by an engine of either kind, compressed here, put into /p of all boxes.
archives_make() {
	local p=$WORK/p name
	mkdir -p "$p/cut"
	box_import new
	box new sh -c 'head -c 3000000 /dev/urandom >/tmp/noise; printf "FROM bb\nCOPY noise /noise\nCMD [\"echo\", \"preloaded\"]\n" >/tmp/Dockerfile
		mkdir -p /tmp/ctx && mv /tmp/noise /tmp/Dockerfile /tmp/ctx && docker build -q -t pre:one /tmp/ctx'
	box new docker save pre:one >"$p/new.tar"
	if [ ! -f "$WORK/no-old" ]; then
		box_in old docker load <"$p/new.tar" >/dev/null
		box old docker save pre:one >"$p/old.tar"
		box old docker rmi -f pre:one >/dev/null
	fi
	gzip -k "$p/new.tar" && xz -0 -k "$p/new.tar" && zstd -q -k "$p/new.tar" && bzip2 -k "$p/new.tar"
	# What others than Docker make: a layout without manifest.json.
	mkdir "$p/layout" && tar -C "$p/layout" -xf "$p/new.tar"
	rm -f "$p/layout/manifest.json" "$p/layout/repositories"
	tar -C "$p/layout" -cf "$p/oci.tar" . && zstd -q -k "$p/oci.tar"
	box new docker rmi -f pre:one bb >/dev/null
	for name in new store old; do
		[ "$name" != old ] || [ ! -f "$WORK/no-old" ] || continue
		box "$name" mkdir -p /p
		tar -C "$p" -c . | box_in "$name" tar -x -C /p
	done
}

# prepare BOX ARGUMENT...: sets status and err.
prepare() {
	local name=$1
	shift
	status=0
	err=$(box "$name" "$CLIENT" prepare --socket /var/run/docker.sock "$@" 2>&1) || status=$?
	printf 'prepare %s: status %s\n%s\n' "$*" "$status" "$err"
}

has_image() { box "$1" docker image inspect -f '{{.Id}}' "$2" >/dev/null 2>&1; }
# Layers in the build cache would be taken for granted by the next load.
no_images() {
	box "$1" sh -c 'docker images -q | xargs -r docker rmi -f >/dev/null 2>&1; docker builder prune -af >/dev/null 2>&1
		[ -z "$(docker images -q)" ]'
}

# engine_loads BOX SINCE: how many loads the engine has seen since then.
engine_loads() {
	local events
	events=$(box "$1" docker events --since "$2" --until "$(box "$1" date +%s.%N)" --filter event=load --format '{{.ID}}') || return
	grep -c . <<<"$events" || true
}

# loads_all BOX: each kind of archive, and the image that comes of it runs.
loads_all() {
	local file
	for file in new.tar new.tar.gz new.tar.xz new.tar.zst new.tar.bz2 oci.tar oci.tar.zst layout old.tar; do
		[ -e "$WORK/p/$file" ] || continue
		no_images "$1"
		prepare "$1" --load "/p/$file"
		assert_eq 0 "$status" "status for $file"
		assert_match "info: preload: /p/$file: loaded pre:one \([0-9.]+ MiB in " "$err" "what is said of $file"
		assert_eq preloaded "$(box "$1" docker run --rm pre:one)" "the image of $file"
		# Again, of itself and of every other kind that has the same image.
		prepare "$1" --load "/p/$file"
		assert_eq 0 "$status" "status for $file again"
		assert_match "/p/$file: pre:one: there already$" "$err" "the second time for $file"
	done
}

@test "preload: archives of every kind, Docker 26.1" { loads_all new; }

@test "preload: archives of every kind, Docker 20.10" {
	old_or_skip
	loads_all old
}

@test "preload: archives of every kind, containerd's image store" { loads_all store; }

@test "preload: nothing is loaded twice, the engine's events say" {
	no_images new
	since=$(box new date +%s.%N)
	prepare new --load /p/new.tar
	assert_eq 1 "$(engine_loads new "$since")" 'loads the first time'
	since=$(box new date +%s.%N)
	prepare new --load /p/new.tar --load /p/oci.tar.zst --load /p/layout --load /p/new.tar.gz
	assert_eq 0 "$status" status
	assert_eq 0 "$(engine_loads new "$since")" 'loads the second time'
	# There, but under another name: it only needs the name.
	box new docker tag pre:one other:name
	box new docker rmi pre:one >/dev/null
	prepare new --load /p/new.tar
	assert_eq 0 "$status" status
	assert_match 'only its name was missing' "$err"
	assert_eq 0 "$(engine_loads new "$since")" 'loads for a name'
	has_image new pre:one
	# The name leads to something else: it is given back.
	box_import new
	box new docker tag bb:latest pre:one
	prepare new --load /p/new.tar
	assert_eq preloaded "$(box new docker run --rm pre:one)" 'the image'
}

@test "preload: a damaged archive is named, and nothing of it is there" {
	local file size offset
	no_images new
	for file in new.tar new.tar.gz new.tar.xz new.tar.zst new.tar.bz2 oci.tar; do
		size=$(stat -c %s "$WORK/p/$file")
		# Not in the padding at a tar's end, which nobody misses.
		for _ in 1 2 3; do
			offset=$(((RANDOM * 32768 + RANDOM) % (size - 12000)))
			box new sh -c 'head -c "$1" "/p/$2" >"/p/cut/$2"' sh "$offset" "$file"
			prepare new --load "/p/cut/$file"
			assert_eq 71 "$status" "$file, cut at $offset"
			assert_match "^dind-init: error: DIND-PRELOAD-03: /p/cut/$file: " "$err" "$file, cut at $offset"
			assert_match '^dind-init: error: DIND-PRELOAD-03: → ' "$err" 'the remedy'
			! has_image new pre:one || fail "$file, cut at $offset, is there"
		done
	done
	# A header that was hit.
	box new sh -c 'cp /p/new.tar /p/cut/head.tar; printf XXXX | dd of=/p/cut/head.tar bs=1 seek=148 conv=notrunc 2>/dev/null'
	prepare new --load /p/cut/head.tar
	assert_eq 71 "$status" 'a damaged header'
	assert_match 'DIND-PRELOAD-03: /p/cut/head.tar' "$err"
	# A layer that was hit: only the engine notices, in a stream with status 200.
	box new sh -c 'cp /p/new.tar /p/cut/layer.tar; printf XXXX | dd of=/p/cut/layer.tar bs=1 seek=1500000 conv=notrunc 2>/dev/null'
	prepare new --load /p/cut/layer.tar
	assert_eq 71 "$status" 'a damaged layer'
	assert_match 'DIND-PRELOAD-04: /p/cut/layer.tar: the engine says: .*diffID' "$err"
	! has_image new pre:one || fail 'a damaged layer is there'
	# As warnings, and the others are loaded.
	prepare new --continue --load /p/cut/head.tar --load /p/none.tar --load /p/oci.tar
	assert_eq 0 "$status" 'status with --continue'
	assert_match 'warning: DIND-PRELOAD-03: /p/cut/head.tar' "$err"
	assert_match 'warning: DIND-PRELOAD-02: /p/none.tar: No such file' "$err"
	refute_match 'error:' "$err"
	has_image new pre:one
}

@test "preload: a start fails with the archive's name, or goes on without it, as it was told" {
	head -c 5000 "$WORK/p/new.tar" >"$WORK/p/half.tar"
	box_run failing -v "$WORK/p:/p:ro" IMAGE --preload /p/half.tar --preload /p/new.tar.zst -- echo COMMAND-RAN
	assert_eq 71 "$status" status
	assert_eq '' "$out" stdout
	assert_match 'error: DIND-PRELOAD-03: /p/half.tar' "$err" 'the archive'
	box_run going -v "$WORK/p:/p:ro" IMAGE --preload /p/half.tar --preload /p/new.tar.zst --preload-failure continue -- \
		docker run --rm pre:one
	assert_eq 0 "$status" status
	assert_eq preloaded "$out" 'what the image that was loaded prints'
	assert_match 'warning: DIND-PRELOAD-03: /p/half.tar' "$err" 'the archive'
}

@test "preload: a directory of archives, in parallel" {
	no_images new
	box new sh -c 'rm -rf /p/many && mkdir -p /p/many/sub && cp -r /p/layout /p/many/layout && echo hello >/p/many/README
		cd /tmp/ctx && printf "FROM scratch\nCOPY noise /noise\nARG N\nENV N=\$N\n" >/tmp/ctx/D
		for n in 1 2 3 4 5; do
			docker build -q -f D --build-arg N=$n -t many:$n . >/dev/null && docker save many:$n | gzip -1 >/p/many/$n.tar.gz || exit
		done'
	no_images new
	prepare new --load /p/many --parallel 3
	assert_eq 0 "$status" status
	assert_match '/p/many/README is left out' "$err"
	assert_eq 6 "$(grep -c ': loaded ' <<<"$err")" 'archives loaded'
	assert_eq 6 "$(box new docker images -q | wc -l)" 'images'
	# As JSON, for those who collect it.
	out=$(box new env DIND_LOG_FORMAT=json "$CLIENT" prepare --socket /var/run/docker.sock --load /p/many/layout 2>&1)
	assert_match '^\{"time":.*"message":"preload: /p/many/layout: pre:one: there already"\}$' "$out"
}

@test "preload: copies from the outer engine what is missing" {
	local socket=${DOCKER_HOST:-unix:///var/run/docker.sock} box
	docker import -c 'CMD ["echo", "from-outside"]' -c 'ENV PATH=/bin' "$(busybox_tar)" "$RUN-outer:one" >/dev/null
	docker tag "$RUN-outer:one" "$RUN-outer:two"
	for box in copier copier-old; do
		if [ "$box" = copier ]; then
			box_start "$box" -v "${socket#unix://}:/host.sock" IMAGE
		else
			old_or_skip
			IMAGE=${IMAGE%:*}:bookworm box_start "$box" -v "${socket#unix://}:/host.sock" IMAGE
		fi
		box_ready "$box"
		prepare "$box" --from unix:///host.sock --image "$RUN-outer:one" --image "$RUN-none:such"
		assert_eq 71 "$status" 'one of two'
		assert_match "DIND-PRELOAD-06: image $RUN-none:such: .*no such image" "$err" 'the missing one'
		assert_match "info: preload: $RUN-outer:one: copied from unix:///host.sock \([0-9.]+ MiB in [0-9.]+ s\)" "$err"
		assert_eq from-outside "$(box "$box" docker run --rm "$RUN-outer:one")" 'the copy'
		prepare "$box" --from unix:///host.sock --image "$RUN-outer:one" --image "$RUN-outer:two"
		assert_eq 0 "$status" status
		assert_match "$RUN-outer:one: there already$" "$err"
		assert_match "$RUN-outer:two: there already, only its name was missing" "$err"
		has_image "$box" "$RUN-outer:two"
	done
	# The other way round in ids: containerd's store here, a graph driver there.
	prepare copier --from unix:///nobody.sock --image "$RUN-outer:one"
	assert_eq 71 "$status" 'nobody there'
	assert_match 'DIND-PRELOAD-05: .*unix:///nobody.sock' "$err"
}

@test "preload: every wait is bounded" {
	box new sh -c 'perl -MIO::Socket::UNIX -e "
		unlink q(/p/mute.sock); my \$s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => q(/p/mute.sock), Listen => 5) or die;
		open my \$f, q(>), q(/p/mute.up); sleep 60" >/dev/null 2>&1 &'
	until_true 5 'somebody listens' box new test -e /p/mute.up
	begin=$(now_ms)
	prepare new --from unix:///p/mute.sock --image a:b --timeout 2
	assert_eq 71 "$status" status
	[ $(($(now_ms) - begin)) -lt 8000 ]
	status=0
	box new "$CLIENT" prepare --socket /p/mute.sock --load /p/new.tar --timeout 2 || status=$?
	assert_eq 71 "$status" 'our engine is mute'
	[ $(($(now_ms) - begin)) -lt 16000 ]
}

@test "clean: the last holder's containers and networks go, an early client's stay" {
	local before
	no_images new || true
	box_import new
	box new sh -c 'docker run -d --name stale1 --restart always bb sleep 3600
		docker create --name stale2 bb true
		docker network create stale-net
		docker network create taken-net
		docker run -d --name stale3 --network stale-net -v kept-volume:/v -v /anonymous bb sleep 3600
		docker tag bb kept-image' >/dev/null
	before=$(box new date +%s.%N)
	box new sh -c 'docker run -d --name early1 bb sleep 3600
		docker create --name early2 --network taken-net bb true
		docker network create early-net' >/dev/null
	prepare new --clean-before "$before"
	assert_eq 0 "$status" status
	assert_match 'removed 3 containers and 1 networks' "$err"
	assert_eq 'early1 early2' "$(box new docker ps -a --format '{{.Names}}' | sort | xargs)" 'containers'
	assert_eq 'bridge early-net host none taken-net' "$(box new docker network ls --format '{{.Name}}' | sort | xargs)" networks
	assert_eq true "$(box new docker inspect -f '{{.State.Running}}' early1)" 'the early one runs'
	assert_eq kept-volume "$(box new docker volume ls -q)" 'volumes: the named one only'
	has_image new kept-image
	# In whole seconds what was made in that very second stays.
	prepare new --clean-before "$(box new sh -c 'docker inspect -f "{{.Created}}" early1 | xargs -I{} date -d {} +%s')"
	assert_eq 0 "$status" status
	box new docker inspect early1 >/dev/null
	box new sh -c 'docker rm -f early1 early2; docker network rm early-net taken-net; docker volume rm kept-volume' >/dev/null
}

# watch NAME SECONDS ARGUMENT...: sets out to what it says until it is stopped.
watch() { out=$(box "$1" timeout "$2" "$CLIENT" watch --socket /var/run/docker.sock --directory /var/lib/docker --interval 1 "${@:3}" 2>&1) || true; }

@test "watch: prunes above the mark when idle, and only then" {
	box_start w IMAGE
	box_ready w
	box_import w
	box w sh -c 'printf "FROM bb\nRUN echo one >/x\n" | docker build -q -t pruned - && printf "FROM bb\nRUN echo two >/x\n" | docker build -q -t pruned - &&
		docker tag bb young && docker images -q --filter dangling=true | grep .' >/dev/null
	# A container runs: not idle.
	box w docker run -d --name busy bb sleep 3600 >/dev/null
	# 1 % of the data root, without a block of the disk below.
	box w fallocate -l 1G /var/lib/docker/filler
	watch w 5 --high 1 --prune --idle 1
	assert_match 'warning: DIND-DISK-01: the data root, /var/lib/docker: [0-9.]+ % used' "$out"
	refute_match 'prune' "$out" 'while a container runs'
	assert_match . "$(box w docker images -q --filter dangling=true)" 'untagged images'
	box w docker rm -f busy >/dev/null
	# Without --prune it only warns.
	watch w 3 --high 1
	refute_match 'prune' "$out" 'without --prune'
	# Idle: what is untagged goes, what is young stays.
	watch w 12 --high 1 --prune --idle 2
	assert_match 'info: prune: won .* free now' "$out"
	assert_eq '' "$(box w docker images -q --filter dangling=true)" 'untagged images'
	has_image w young
	# Still above the mark: unused images older than --prune-age.
	watch w 12 --high 1 --prune --idle 2 --prune-age 0
	assert_match 'info: prune: won' "$out"
	! has_image w young || fail 'the image is still there'
	# The freed space went back to below the image.
	assert_match 'info: prune: trimmed [0-9.]+ [KMG]iB' "$out"
}
