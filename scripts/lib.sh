# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Functions shared by the scripts of this directory. Source it after `set -euo pipefail`.
#
# Results go to stdout, everything that a person reads goes to stderr, what a long step prints goes to a log under
# $DIND_CACHE/log, whose end is shown when the step fails.

export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# shellcheck disable=SC2034 # for those that source this
DIND_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
DIND_CACHE=${DIND_CACHE:-/var/tmp/dind-init}
DIND_PROG=${0##*/}

# The part of a root that makes it unusable for a newer script: raise it when the recipe in root_build changes.
ROOT_RECIPE=3
LAB_SUITE=trixie
# The lab's user-mode network, one that others hardly use: .2 is the machine, .3 the name server, .100 the engine.
LAB_NETWORK=198.19.255
LAB_PACKAGES=docker.io,docker-cli,iptables,iproute2,slirp4netns,ca-certificates

say() { printf '%s: %s\n' "$DIND_PROG" "$*" >&2; }
warn() { printf '%s: warning: %s\n' "$DIND_PROG" "$*" >&2; }
die() { printf '%s: error: %s\n' "$DIND_PROG" "$*" >&2; exit 1; }
usage_error() { printf '%s: error: %s (see %s --help)\n' "$DIND_PROG" "$*" "$DIND_PROG" >&2; exit 64; }

need_root() { [ "$(id -u)" = 0 ] || die "this needs root"; }

# The comment block at the head of the script, without the marks.
print_help() { sed -n '2,/^$/ { /SPDX/d; s/^# \{0,1\}//; p }' "$1"; }

cache_init() {
	mkdir -p "$DIND_CACHE"/{log,lock,tmp,roots,engines} 2>/dev/null ||
		die "cannot write to $DIND_CACHE (set DIND_CACHE to a directory on a disk)"
	# mmdebstrap's apt drops to the user _apt, who has to get through.
	chmod 0755 "$DIND_CACHE" "$DIND_CACHE"/tmp
}

# few_descriptors COMMAND...: without those that a test runner left open. mmdebstrap names its own in commands for sh, and
# Debian's knows no number of two digits.
few_descriptors() (
	for fd in /proc/self/fd/*; do
		fd=${fd##*/}
		[ "$fd" -le 2 ] || eval "exec $fd>&-"
	done
	exec "$@"
)

# step DESCRIPTION COMMAND...: says what it does, runs it with its output in a log, reports the time, shows the log's
# end when it failed. A step that takes longer says every 20 s where it is. COMMAND's functions must return their own
# failures: `set -e` does not work in here.
step() {
	local what=$1 log rc=0 begin=$SECONDS beat
	shift
	log=$DIND_CACHE/log/$DIND_PROG.$(printf '%s' "$what" | tr -cs 'A-Za-z0-9.\n' '-' | cut -c1-60).log
	say "$what ..."
	(
		# A read from a pipe that nobody writes to waits without a child that would outlive us; nor must this.
		exec {pipe}<> <(:)
		next=$((begin + 20))
		while ! read -r -t 2 -u "$pipe" _ && kill -0 $$ 2>/dev/null; do
			[ "$SECONDS" -ge "$next" ] || continue
			next=$((next + 20))
			say "    $((SECONDS - begin)) s: $(tail -n 1 "$log" 2>/dev/null | tr -d '\r' | cut -c1-110)"
		done
	) &
	beat=$!
	"$@" >"$log" 2>&1 </dev/null || rc=$?
	kill "$beat" 2>/dev/null || true
	wait "$beat" 2>/dev/null || true
	if [ "$rc" != 0 ]; then
		tail -n 40 "$log" | sed 's/^/    | /' >&2
		say "failed with status $rc after $((SECONDS - begin)) s: $what (whole log: $log)"
		return "$rc"
	fi
	[ $((SECONDS - begin)) -lt 2 ] || say "    done in $((SECONDS - begin)) s"
}

# ---- Debian packages ------------------------------------------------------------------------------------------------

apt_refresh() {
	# Three tries: another apt may hold the lists' lock, for which apt has no time-out of its own.
	local try
	for try in 1 2 3; do
		apt-get update && return 0
		sleep $((try * 3))
	done
	return 1
}

apt_install() {
	local args=(install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@")
	[ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -1 2>/dev/null | head -n 1)" ] || apt_refresh
	apt-get "${args[@]}" && return 0
	apt_refresh && apt-get "${args[@]}"
}

# apt_need PACKAGE...: installs those that are missing.
apt_need() {
	local package missing=()
	for package; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	need_root
	cache_init
	(
		flock -w 600 9 || die "another run has been installing packages for 10 minutes"
		step "installing Debian packages: ${missing[*]}" apt_install "${missing[@]}"
	) 9>"$DIND_CACHE/lock/apt" || die "could not install: ${missing[*]}"
}

# Prints "ARCHIVE SUITE" for every archive of this machine's apt configuration, whatever way it is written there.
apt_archives() {
	apt-get update --print-uris 2>/dev/null | sed -n "s|^'\(.*\)/dists/\([^/']*\)[^']*/InRelease'.*|\1 \2|p" |
		while read -r uri suite; do
			case $uri in
			# Cloud images name a file with a list of mirrors; the first will do.
			mirror+file:*) uri=$(awk 'NF && !/^#/ { print $1; exit }' "${uri#mirror+file:}"); echo "${uri%/} $suite" ;;
			http:* | https:* | file:* | ftp:*) echo "${uri%/} $suite" ;;
			esac
		done
}

# apt_sources SUITE: the lines of a sources.list for SUITE from this machine's own mirrors.
apt_sources() {
	local suite=$1 archives main security
	archives=$(apt_archives)
	main=${DIND_MIRROR:-$(awk '$1 ~ /\/debian$/ && $2 !~ /security|backports/ { print $1; exit }' <<<"$archives")}
	main=${main:-$(awk '$2 !~ /security|backports/ { print $1; exit }' <<<"$archives")}
	security=$(awk '$2 ~ /-security$/ { print $1; exit }' <<<"$archives")
	[ -n "$main" ] || die "no Debian archive in apt's configuration (set DIND_MIRROR to the URL of one)"
	echo "deb $main $suite main"
	case $suite in
	sid | unstable | experimental | testing) ;;
	*) [ -z "$security" ] || echo "deb $security $suite-security main" ;;
	esac
}

# Whether this machine's apt was told not to look at Valid-Until (a mirror that is frozen or late).
apt_ignores_expiry() {
	local value=true
	eval "$(apt-config shell value Acquire::Check-Valid-Until/b)"
	[ "$value" = false ]
}

# apt_proxy SCHEME: the proxy for SCHEME (http, https) from the environment, else from apt's configuration.
apt_proxy() {
	local value='' lower=$1_proxy upper=${1^^}_PROXY
	value=${!lower:-${!upper:-}}
	[ -n "$value" ] || eval "$(apt-config shell value "Acquire::$1::Proxy")"
	[ "$value" = DIRECT ] || echo "$value"
}

# Whether a proxy listens on this machine's loopback device, where only the machine itself finds it.
proxy_is_local() { [[ "$(apt_proxy http) $(apt_proxy https)" =~ //(127\.|localhost|\[::1\]) ]]; }

# proxy_for_lab SCHEME: the proxy as seen from the lab's network.
proxy_for_lab() {
	apt_proxy "$1" | sed -E "s#//(127\.[0-9.]+|localhost|\[::1\])#//$LAB_NETWORK.2#"
}

# ---- Debian roots, cached -------------------------------------------------------------------------------------------

# Keeps usrmerge, and with it all of Perl, out of a fresh bookworm root.
root_extra() { [ "$1" != bookworm ] || echo usr-is-merged; }

# root_build FORMAT SUITE PACKAGES OUT, with FORMAT tar or directory
root_build() {
	local format=$1 suite=$2 packages=$3 out=$4 name proxy
	local args=(--variant=minbase --mode=root --format="$format" --aptopt='APT::Install-Recommends "false"')
	# What the slim images of Debian leave out.
	args+=(--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright'
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*'
		--dpkgopt='path-exclude=/usr/share/info/*')
	[ -z "$packages" ] || args+=(--include="$packages")
	[ -z "$(root_extra "$suite")" ] ||
		args+=(--include="$(root_extra "$suite")" --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr)
	# sid's Release file may be past its date; signatures are checked all the same.
	if [ "$suite" = sid ] || apt_ignores_expiry; then
		args+=(--aptopt='Acquire::Check-Valid-Until "false"')
	fi
	for name in http https; do
		proxy=$(apt_proxy "$name")
		[ -z "$proxy" ] || args+=(--aptopt="Acquire::$name::Proxy \"$proxy\"")
	done
	# What an image needs of apt's configuration is what its Dockerfile says, but for a machine-wide "late mirror".
	# shellcheck disable=SC2016 # "$1" is mmdebstrap's, the root's path
	args+=(--customize-hook='rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1/etc/hostname"; : >"$1/etc/resolv.conf"')
	printf '%s\n' 'Acquire::Languages "none";' 'APT::AutoRemove::SuggestsImportant "false";' >"$out.apt" || return
	! apt_ignores_expiry || echo 'Acquire::Check-Valid-Until "false";' >>"$out.apt"
	args+=(--customize-hook="upload '$out.apt' /etc/apt/apt.conf.d/lab")
	# Packages must not start services, now and while an image is built. mmdebstrap's own rule would go with it.
	# shellcheck disable=SC2016
	args+=(--skip=chroot/policy-rc.d --essential-hook='printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"')
	# In a mount namespace of its own, so that even a killed run leaves no mount.
	apt_sources "$suite" | TMPDIR=$DIND_CACHE/tmp few_descriptors unshare --mount mmdebstrap "${args[@]}" "$suite" "$out" - || return
	rm "$out.apt"
}

root_key() {
	{
		echo "$ROOT_RECIPE $1 $2 $(apt_ignores_expiry && echo late)$(root_extra "$1")"
		apt_sources "$1"
	} | sha256sum | cut -c1-12
}

# root_get FORMAT SUITE [PACKAGES]: makes sure that the root is in the cache, prints its path.
root_get() {
	local format=$1 suite=$2 packages=${3:-} out what
	out=$DIND_CACHE/roots/$suite-$(root_key "$suite" "$packages")
	[ "$format" = directory ] || out=$out.tar
	if [ ! -e "$out" ]; then
		need_root
		cache_init
		apt_need mmdebstrap debian-archive-keyring
		what="making a Debian $suite root${packages:+ with $packages}"
		(
			flock -w 900 9 || die "another run has been making $out for 15 minutes"
			[ -e "$out" ] || {
				rm -rf --one-file-system "$out.new"
				step "$what" root_build "$format" "$suite" "$packages" "$out.new" &&
					mv "$out.new" "$out"
			}
		) 9>"$DIND_CACHE/lock/root-${out##*/}" || {
			rm -rf --one-file-system "$out.new"
			die "$what failed"
		}
	fi
	echo "$out"
}

lab_root() { root_get directory "$LAB_SUITE" "$LAB_PACKAGES"; }

# busybox_get, registry_get: print the path of a static busybox, of the program of docker-registry.
busybox_get() { deb_file busybox busybox-static '*/bin/busybox'; }
registry_get() { deb_file docker-registry docker-registry '*/bin/docker-registry'; }

# deb_file NAME PACKAGE PATTERN: prints the path of a file taken out of Debian's package without installing that.
deb_file() {
	local out=$DIND_CACHE/roots/$1
	if [ ! -x "$out" ]; then
		cache_init
		(
			flock -w 600 9
			[ -x "$out" ] || step "fetching $1 from Debian's package $2" deb_fetch "$out" "$2" "$3"
		) 9>"$DIND_CACHE/lock/$1" || die "could not fetch $2"
	fi
	echo "$out"
}

deb_fetch() {
	local tmp rc=0
	tmp=$(mktemp -d "$DIND_CACHE/tmp/deb.XXXXXX") || return
	(
		cd "$tmp" || exit
		apt-get download "$2" || { apt_refresh && apt-get download "$2"; } || exit
		dpkg-deb -x "$2"_*.deb . && mv "$(find . -type f -path "$3")" "$1.new" && mv "$1.new" "$1"
	) || rc=$?
	rm -rf "$tmp"
	return "$rc"
}

# ---- engines --------------------------------------------------------------------------------------------------------

# docker_find: sets DOCKER, the command line of the docker client: an installed one, else that of the lab's root,
# started through that root's own loader, so that it sees this machine's files.
docker_find() {
	local root
	if [ -n "$(type -P docker)" ]; then
		DOCKER=(docker)
	else
		root=$(lab_root) || return
		DOCKER=("$root/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu" "$root/usr/bin/docker")
	fi
}

# Whether the engine that DOCKER_HOST names (else the client's default one) answers.
engine_answers() { timeout 10 "${DOCKER[@]}" version -f '{{.Server.Version}}' >/dev/null 2>&1 </dev/null; }

# Whether the engine is one of `scripts/lab`'s.
engine_is_lab() { "${DOCKER[@]}" info -f '{{.Labels}}' 2>/dev/null | grep -q 'dind-lab='; }

# base_image IMAGE: makes sure that the engine has IMAGE, from a registry or, where none can be reached, as an import
# of a root made of this machine's Debian mirror, under the same name.
base_image() {
	local image=$1 suite key have tar
	have=$("${DOCKER[@]}" image inspect -f '{{index .Config.Labels "dind-init.base"}}' "$image" 2>/dev/null) || have=missing
	case $image in
	debian:*-slim) suite=${image#debian:} suite=${suite%-slim} key=$suite-$(root_key "$suite" '') ;;
	*) suite='' key='' ;;
	esac
	case $have in
	missing) ;;
	'' | "<no value>") return 0 ;; # from a registry, or somebody's own
	*) [ "$have" != "$key" ] || return 0 ;;
	esac
	if [ "$have" = missing ] && timeout 120 "${DOCKER[@]}" pull -q "$image" >/dev/null 2>&1 </dev/null; then
		say "$image: pulled from a registry"
		return 0
	fi
	[ -n "$suite" ] || die "$image: no registry can be reached and it is not a debian:SUITE-slim that can be made here"
	say "$image: no registry can be reached, so a root from the Debian mirror takes that name"
	tar=$(root_get tar "$suite") || return
	step "importing $image" "${DOCKER[@]}" import \
		-c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
		-c 'CMD ["bash"]' -c "LABEL dind-init.base=$key" "$tar" "$image"
}

# engine_starts_privileged: whether a privileged container really starts and may mount; else prints why not. An engine
# that answers may still be without the privileges for that (in a container itself, on a machine that withholds some).
engine_starts_privileged() {
	local image=dind-init/probe:$$ dir out rc=0
	dir=$(mktemp -d "$DIND_CACHE/tmp/probe.XXXXXX") || return
	mkdir "$dir/mnt" && cp "$(busybox_get)" "$dir/busybox" || return
	out=$(tar -C "$dir" -c . | timeout 60 "${DOCKER[@]}" import - "$image" 2>&1) || rc=$?
	if [ "$rc" = 0 ]; then
		out=$(timeout 60 "${DOCKER[@]}" run --rm --privileged --network none "$image" /busybox mount -t tmpfs none /mnt 2>&1) || rc=$?
		timeout 30 "${DOCKER[@]}" image rm -f "$image" >/dev/null 2>&1 || true
	fi
	rm -rf "$dir"
	[ "$rc" = 0 ] || echo "${out:-no answer within 60 s}" | head -n 1
	return "$rc"
}

# outer_engine [NAME]: makes DOCKER_HOST and DOCKER stand for an outer engine in which nested ones can run: the one that
# DOCKER_HOST names, or the client's default one, if privileged containers start in it; else the lab's NAME (default).
# OUTER_LAB is that name if this call has started it or it was up, else empty.
# shellcheck disable=SC2034 # OUTER_LAB is for the caller
outer_engine() {
	local name=${1:-default} where=${DOCKER_HOST:-the default socket} why
	cache_init
	OUTER_LAB=''
	if [ -z "${DOCKER_HOST:-}" ] && [ -z "$(type -P docker)" ] && [ ! -S /var/run/docker.sock ]; then
		why='nothing is there'
	else
		docker_find
		if ! engine_answers; then
			why='no engine answers'
		elif why=$(engine_starts_privileged); then
			say "outer engine: the one at $where (a privileged container starts in it)"
			return 0
		fi
	fi
	say "outer engine: not the one at $where ($why), so the lab's"
	"$DIND_TOP/scripts/lab" up --name "$name" || return
	eval "$("$DIND_TOP/scripts/lab" env --name "$name")"
	docker_find
	OUTER_LAB=$name
	why=$(engine_starts_privileged) || die "no privileged container starts in the lab's engine either: $why"
}
