#!/bin/sh
# Stops the service when the package goes, not when another version comes.
set -e
case "${1:-}" in
upgrade | 1) exit 0 ;;
esac
if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
	systemctl disable --now gatehouse.socket gatehouse.service || true
fi
