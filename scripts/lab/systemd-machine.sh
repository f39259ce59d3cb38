# The first process of a machine whose systemd runs nothing but zt.service. Run by systemd-machine.ts in namespaces of
# its own (process ids, mounts, network, cgroups, names, IPC); what is written goes to memory. $1: the checkout.
set -e
checkout=$1
mount -t proc proc /proc
# systemd raises limits of the kernel: only those of the network are the machine's own.
mount --bind /proc/sys/net /proc/sys/net
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
umount --recursive --lazy /sys
mount -t sysfs sysfs /sys
mount -o remount,bind,ro /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup

# Memory that no program of the machine knows of.
mount -t tmpfs -o mode=0700 tmpfs /mnt
dev=/mnt/dev
mkdir "$dev"
mount -t tmpfs -o mode=0755 tmpfs "$dev"
for node in null zero full random urandom tty; do cp -a "/dev/$node" "$dev"; done
mkdir "$dev/net" "$dev/shm"
mknod -m 0666 "$dev/net/tun" c 10 200
: >"$dev/console"
mount --move "$dev" /dev
mount -t tmpfs tmpfs /dev/shm

# Of the laptop, put over the file of the machine around it.
cp /etc/resolv.conf /mnt/resolv.conf
for at in etc usr var; do
  mkdir "/mnt/$at" "/mnt/$at.work"
  mount -t overlay -o "lowerdir=/$at,upperdir=/mnt/$at,workdir=/mnt/$at.work" overlay "/$at"
done
rm /etc/resolv.conf
cp /mnt/resolv.conf /etc
mkdir /usr/lib/zt
mount --bind "$checkout" /usr/lib/zt
mount -t tmpfs tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp

# Services of the machine around it are none of this one.
for at in /usr/lib/systemd/system /usr/lib/systemd/system-generators /etc/systemd/system /etc/init.d; do
  mount -t tmpfs tmpfs "$at"
done
for target in sysinit basic multi-user network-online sockets timers paths slices shutdown umount final exit; do
  printf '[Unit]\nDefaultDependencies=no\n' >"/usr/lib/systemd/system/$target.target"
done
ln -s multi-user.target /usr/lib/systemd/system/default.target

# As a package and an administrator do it; see docs/reference/daemon.md.
packaging=/usr/lib/zt/packaging
cp "$packaging/zt.service" /usr/lib/systemd/system
mkdir -p /usr/lib/sysusers.d /etc/zt
cp "$packaging/zt.sysusers" /usr/lib/sysusers.d/zt.conf
systemd-sysusers /usr/lib/sysusers.d/zt.conf
printf '#!/bin/sh\nexec node /usr/lib/zt/dist/daemon/main.js "$@"\n' >/usr/bin/zt-daemon
chmod 0755 /usr/bin/zt-daemon
printf 'mode: transparent\ndns: port53\nowner_uid: 65534\n' >/etc/zt/daemon.yaml
mkdir /usr/lib/systemd/system/zt.service.d
printf '[Service]\nStandardOutput=append:/var/log/zt.log\nStandardError=inherit\n' >/usr/lib/systemd/system/zt.service.d/log.conf

exec env -i container=zt PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /usr/lib/systemd/systemd --system --log-target=console --show-status=no >/dev/console 2>&1 </dev/null
