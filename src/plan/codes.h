/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codes.h - the stable codes of what the plan says, in one place so that none is used twice.
 * Scripts and the documentation refer to them: never renumber, never reuse.
 */
#ifndef DIND_PLAN_CODES_H
#define DIND_PLAN_CODES_H

#define CODE_PRIV_UID	       "DIND-PRIV-01" /* not root */
#define CODE_PRIV_USERNS       "DIND-PRIV-02" /* in a user namespace */
#define CODE_PRIV_CAPS	       "DIND-PRIV-03" /* capabilities are missing */
#define CODE_PRIV_SECCOMP      "DIND-PRIV-04" /* a filter refuses what inner containers need */
#define CODE_PRIV_APPARMOR     "DIND-PRIV-05" /* the outer profile denies mounts */
#define CODE_PRIV_HOST_PID     "DIND-PRIV-06" /* in the host's pid namespace */
#define CODE_PRIV_NO_NEW_PRIVS "DIND-PRIV-10"
#define CODE_PRIV_CAPS_LOST    "DIND-PRIV-11" /* works, with less */
#define CODE_PRIV_FILTER       "DIND-PRIV-12" /* a filter is on, what it refuses is not known */
#define CODE_PRIV_OLD_ENGINE   "DIND-PRIV-13" /* Docker before 23 with a capability missing */
#define CODE_PRIV_PROFILE      "DIND-PRIV-14" /* confined by a profile that we do not know */
#define CODE_PRIV_UNKNOWN      "DIND-PRIV-15" /* capabilities could not be read */
#define CODE_PRIV_NOT_INIT     "DIND-PRIV-16" /* not PID 1: works as a subreaper */
#define CODE_PRIV_USERNS_HOME  "DIND-PRIV-18" /* a user namespace that an engine can live in */
#define CODE_PRIV_DEVICES      "DIND-PRIV-17" /* the outer engine allows only some devices */
#define CODE_PRIV_LABEL	       "DIND-PRIV-19" /* the SELinux label denies what capabilities allow */
#define CODE_PRIV_GIVE_UP      "DIND-PRIV-20" /* PID 1 could not give up capabilities */

#define CODE_LIMITS "DIND-LIMITS-01"

#define CODE_MOUNT_RUN	       "DIND-MOUNT-01" /* /run/dind */
#define CODE_MOUNT_RUNTIME     "DIND-MOUNT-02" /* the engine's directories in /run */
#define CODE_MOUNT_READ_ONLY   "DIND-MOUNT-03" /* /sys, /proc/sys */
#define CODE_MOUNT_DEVICE      "DIND-MOUNT-04"
#define CODE_MOUNT_PROPAGATION "DIND-MOUNT-05"
#define CODE_MOUNT_SWEEP       "DIND-MOUNT-06"
#define CODE_MOUNT_FILESYSTEM  "DIND-MOUNT-07" /* securityfs, /tmp */

#define CODE_CGROUP_DEVICES	"DIND-CGROUP-01" /* no devices hierarchy: dockerd does not start */
#define CODE_CGROUP_V1		"DIND-CGROUP-02" /* another hierarchy */
#define CODE_CGROUP_READ_ONLY	"DIND-CGROUP-03" /* not writable */
#define CODE_CGROUP_NAMESPACE	"DIND-CGROUP-04"
#define CODE_CGROUP_NEST	"DIND-CGROUP-05"
#define CODE_CGROUP_NONE	"DIND-CGROUP-06" /* nothing to work with */
#define CODE_CGROUP_THREADED	"DIND-CGROUP-07"
#define CODE_CGROUP_CONTROLLERS "DIND-CGROUP-08" /* which limits work inside */
#define CODE_CGROUP_OUTSIDE	"DIND-CGROUP-09" /* inner groups land outside ours */
#define CODE_CGROUP_DRIVER	"DIND-CGROUP-10" /* cgroupfs or systemd */
#define CODE_CGROUP_DECISION	"DIND-CGROUP-11"
#define CODE_CGROUP_LIMITS	"DIND-CGROUP-12" /* whether this container's limits hold inside */
#define CODE_CGROUP_PARENT	"DIND-CGROUP-13" /* --cgroup-parent instead of a namespace */
#define CODE_CGROUP_MIRROR	"DIND-CGROUP-14" /* --mirror-limits */
#define CODE_CGROUP_FLAT	"DIND-CGROUP-16" /* memory limits that do not hold below */
/* DIND-CGROUP-15: what --mirror-limits could not do to a container, src/cli/mirror.c */

#define CODE_STORAGE_DECISION	"DIND-STORAGE-01" /* what was chosen */
#define CODE_STORAGE_NOT_TAKEN	"DIND-STORAGE-02" /* what was not, and why */
#define CODE_STORAGE_NO_RUNG	"DIND-STORAGE-03" /* nothing works */
#define CODE_STORAGE_DRIVER	"DIND-STORAGE-04" /* the driver that was asked for cannot work */
#define CODE_STORAGE_BUSY	"DIND-STORAGE-05" /* the lock is held */
#define CODE_STORAGE_LOCK	"DIND-STORAGE-06" /* the lock cannot be taken */
#define CODE_STORAGE_PATH	"DIND-STORAGE-07" /* --storage-path is of no use */
#define CODE_STORAGE_PRIOR	"DIND-STORAGE-08" /* what is there cannot be used */
#define CODE_STORAGE_SLOW	"DIND-STORAGE-09" /* vfs, fuse-overlayfs */
#define CODE_STORAGE_LAYER	"DIND-STORAGE-10" /* images die with the container */
#define CODE_STORAGE_ANONYMOUS	"DIND-STORAGE-11"
#define CODE_STORAGE_SPACE	"DIND-STORAGE-12"
#define CODE_STORAGE_HIDDEN	"DIND-STORAGE-13" /* old data that will not be seen */
#define CODE_STORAGE_REMOTE	"DIND-STORAGE-14"
#define CODE_STORAGE_KEPT	"DIND-STORAGE-15" /* an old driver is kept */
#define CODE_STORAGE_ELSEWHERE	"DIND-STORAGE-16" /* image is not on the volume that was given */
#define CODE_STORAGE_DIRECTORY	"DIND-STORAGE-17"
#define CODE_STORAGE_LOST_IMAGE "DIND-STORAGE-18" /* an image of an earlier start is not used */
#define CODE_STORAGE_MEMORY	"DIND-STORAGE-19" /* images are in memory */
#define CODE_STORAGE_FULL	"DIND-STORAGE-20" /* no room to start with */
#define CODE_STORAGE_FREE	"DIND-STORAGE-21" /* what is free where the data lies */
#define CODE_STORAGE_STORE	"DIND-STORAGE-22" /* graph drivers or containerd's image store */
#define CODE_STORAGE_FS		"DIND-STORAGE-23" /* --storage-fs cannot be given */
#define CODE_STORAGE_SUBVOLUMES "DIND-STORAGE-24" /* not removable from outside */
#define CODE_STORAGE_FORCED	"DIND-STORAGE-25" /* against our advice, by --strict-args */
#define CODE_STORAGE_GUARD	"DIND-STORAGE-26" /* a start that was cut off */

#define CODE_POOL_DECISION "DIND-POOL-01" /* which slot was leased */
#define CODE_POOL_BUSY	   "DIND-POOL-02" /* all are leased by others */
#define CODE_POOL_COLD	   "DIND-POOL-03" /* likewise, and we go on without */
#define CODE_POOL_UNUSABLE "DIND-POOL-04"
#define CODE_POOL_LEASE	   "DIND-POOL-05" /* taking one; waiting for one */
#define CODE_POOL_LAYER	   "DIND-POOL-06" /* the pool dies with the container */
#define CODE_POOL_BEYOND   "DIND-POOL-07" /* slots that are not used any more */
#define CODE_POOL_UNFIT	   "DIND-POOL-08" /* one whose data cannot be used here */

#define CODE_LISTEN_ADDRESS  "DIND-LISTEN-01" /* cannot be understood */
#define CODE_LISTEN_PLAIN    "DIND-LISTEN-02" /* plain TCP beyond loopback, refused */
#define CODE_LISTEN_INSECURE "DIND-LISTEN-03" /* the same, asked for */
#define CODE_LISTEN_GROUP    "DIND-LISTEN-04"
#define CODE_LISTEN_BUSY     "DIND-LISTEN-05"
#define CODE_LISTEN_FAILED   "DIND-LISTEN-06"
#define CODE_LISTEN_DECISION "DIND-LISTEN-07"

#define CODE_ENGINE_MISSING    "DIND-ENGINE-01"
#define CODE_ENGINE_CONFIG     "DIND-ENGINE-02" /* daemon.json does not parse or is not there */
#define CODE_ENGINE_DROPPED    "DIND-ENGINE-03" /* keys left out of the effective daemon.json */
#define CODE_ENGINE_WRITE      "DIND-ENGINE-04"
#define CODE_ENGINE_DECISION   "DIND-ENGINE-05"
#define CODE_ENGINE_IPTABLES   "DIND-ENGINE-06"
#define CODE_ENGINE_RUNC       "DIND-ENGINE-07"
#define CODE_ENGINE_CLIENT     "DIND-ENGINE-09" /* dind-client is missing */
#define CODE_ENGINE_CONTAINERD "DIND-ENGINE-08" /* configuration of containerd */
#define CODE_ENGINE_KEY	       "DIND-ENGINE-11" /* a flag's name as a key of daemon.json */
#define CODE_ENGINE_CA	       "DIND-ENGINE-12" /* --engine-ca */
#define CODE_ENGINE_TEXT       "DIND-ENGINE-13" /* not UTF-8 */
#define CODE_ENGINE_TIME       "DIND-ENGINE-14" /* no time namespaces */
#define CODE_ENGINE_BUILDKIT   "DIND-ENGINE-15" /* no configuration for BuildKit's builders */
/* DIND-ENGINE-10: a changed daemon.json is not taken, src/cli/running.c */

#define CODE_USER_MISSING "DIND-USER-01"
#define CODE_USER_SOCKET  "DIND-USER-02"
#define CODE_USER_GROUP	  "DIND-USER-03"
#define CODE_USER_SWITCH  "DIND-USER-04" /* no privilege to become another user */
#define CODE_USER_BOUND	  "DIND-USER-05" /* the bounding set stays */

#define CODE_MODE_DECISION "DIND-MODE-01" /* which engine COMMAND gets, and why */
#define CODE_MODE_COMMAND  "DIND-MODE-02" /* an engine outside, and nothing to run */

#define CODE_SOCKET_MISSING   "DIND-SOCKET-01"
#define CODE_SOCKET_TYPE      "DIND-SOCKET-02" /* a directory, a file */
#define CODE_SOCKET_DEAD      "DIND-SOCKET-03" /* nobody listens */
#define CODE_SOCKET_CLOSED    "DIND-SOCKET-04" /* not for us */
#define CODE_SOCKET_FOREIGN   "DIND-SOCKET-05" /* somebody else than an engine answers */
#define CODE_SOCKET_SLOW      "DIND-SOCKET-06" /* no answer in time */
#define CODE_SOCKET_ROOT_ONLY "DIND-SOCKET-07" /* no group could be given to a user */
#define CODE_SOCKET_GROUP     "DIND-SOCKET-08" /* who gets the socket's group */

#define CODE_REMOTE_HOST   "DIND-REMOTE-01" /* DOCKER_HOST does not name one */
#define CODE_REMOTE_CLIENT "DIND-REMOTE-02" /* nobody there to wait for it */
/* DIND-REMOTE-1x: src/client, what is found out while waiting */

#define CODE_NETWORK_BRIDGE	 "DIND-NET-01" /* another engine's docker0 */
#define CODE_NETWORK_ROUTE	 "DIND-NET-02"
#define CODE_NETWORK_APART	 "DIND-NET-03" /* two engines, and nothing that both would touch */
#define CODE_NETWORK_LEFT	 "DIND-NET-04" /* docker0 of an engine that is gone */
#define CODE_NETWORK_IPTABLES	 "DIND-NET-05" /* which back end */
#define CODE_NETWORK_NO_IPTABLES "DIND-NET-06" /* none works */
#define CODE_NETWORK_RAW	 "DIND-NET-07" /* no table raw */
#define CODE_NETWORK_IPV6	 "DIND-NET-08" /* no rules for IPv6 */
#define CODE_NETWORK_LINK	 "DIND-NET-09" /* putting the back end first */
#define CODE_NETWORK_MTU	 "DIND-NET-10"
#define CODE_NETWORK_CLAMP	 "DIND-NET-11" /* networks that have no MTU of their own */
#define CODE_NETWORK_POOLS	 "DIND-NET-12" /* ranges of inner networks */
#define CODE_NETWORK_DNS	 "DIND-NET-13" /* name servers of inner containers */
#define CODE_NETWORK_RELAY	 "DIND-NET-14" /* the relay to them */
/* DIND-NET-15: src/supervise/relay.c */
/* DIND-NET-17: src/client/mirrors.c */
#define CODE_NETWORK_WISH "DIND-NET-16" /* DOCKER_IPTABLES_LEGACY, which is not there */

/* DIND-TLS-…: include/dind/certs.h, since dind-certs says them too */

#define CODE_CONFINE_DECISION "DIND-CONFINE-01" /* what the engine's tree is refused */
#define CODE_CONFINE_NOT      "DIND-CONFINE-02" /* nothing, though it was asked for */

#define CODE_LSM_CONFINED     "DIND-LSM-01" /* what inner containers are confined by */
#define CODE_LSM_APPARMOR     "DIND-LSM-02" /* the policy namespace, or showing the host's */
#define CODE_LSM_PARSER	      "DIND-LSM-03" /* no apparmor_parser */
#define CODE_LSM_USERNS	      "DIND-LSM-04" /* Ubuntu's restriction of user namespaces */
#define CODE_LSM_SELINUX      "DIND-LSM-05" /* selinux-enabled without --selinux */
#define CODE_LSM_SELINUX_HIDE "DIND-LSM-06"
#define CODE_LSM_NOT_SHOWN    "DIND-LSM-07" /* --selinux, and no selinuxfs to use it with */
#define CODE_LSM_DENIED	      "DIND-LSM-08" /* EACCES, and SELinux may be why */

#define CODE_HOST_CHANGED "DIND-HOST-01" /* what of the host's is changed: nothing, or this */

#endif
