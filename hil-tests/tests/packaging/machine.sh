# A Debian booted by its own systemd, in namespaces: becomes its process 1. LOWER: what it is made of, which stays as it is;
# WORK: an empty directory; CGROUP: an empty control group (version 2) of its own. All it writes is in memory and gone with it.
set -eu
echo $$ >"$CGROUP/cgroup.procs"
# Its own view of the group begins here, so after the move.
exec unshare --cgroup sh -euc '
mount --make-rprivate /
mkdir "$WORK/memory" "$WORK/root"
mount -t tmpfs tmpfs "$WORK/memory"
mkdir "$WORK/memory/upper" "$WORK/memory/work"
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$WORK/memory/upper,workdir=$WORK/memory/work" "$WORK/root"
cd "$WORK/root"
# As container managers do it: the kernel has settings that are not of a namespace.
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=0755 tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=0755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for device in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "dev/${device%:*}" c 1 "${device#*:}"; done
mknod -m 666 dev/tty c 5 0
# A number that no driver has: whether it may be opened is decided before that it is not there.
ptp=$(sed -n "s/^ *\([0-9]*\) ptp$/\1/p" proc/devices)
[ -z "$ptp" ] || mknod -m 600 dev/ptp99 c "$ptp" 99
echo "$NAME" >etc/hostname
# Empty, not missing: nothing is enabled as if it were a first boot.
: >etc/machine-id
ln -s /dev/null etc/systemd/system/getty.target
pivot_root . mnt
umount -l /mnt
ip link set lo up
# Never this machine'"'"'s clock, nor its modules, nor its power.
without=-sys_time,-wake_alarm,-sys_boot,-sys_module,-sys_rawio,-syslog
exec env -i container=escapement PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    setpriv "--bounding-set=$without" "--inh-caps=$without" -- /lib/systemd/systemd --system systemd.unit=multi-user.target
'
