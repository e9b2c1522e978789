#!/bin/sh
# NixOS's stage 2: the system is the one that was booted and that runs; then systemd.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
ln -sfn @out@ /run/booted-system
@out@/activate
exec /lib/systemd/systemd
