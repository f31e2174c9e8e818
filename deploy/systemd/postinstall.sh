#!/bin/sh
# Makes the service's user, and starts nothing: there are no servers yet.
# DPKG_ROOT is set where dpkg installs into another root.
set -e
root=${DPKG_ROOT:-}
if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers ${root:+--root="$root"} "$root/usr/lib/sysusers.d/gatehouse.conf" || true
elif [ -z "$root" ] && command -v useradd >/dev/null 2>&1 && ! getent passwd gatehouse >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/gatehouse --shell /usr/sbin/nologin gatehouse || true
fi
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
