#!/bin/sh
# The first process of a host: what systemd-boot and NixOS's initrd do. It starts the system that
# the boot menu names as default (systemd-boot(7), Boot Loader Specification), or plain Debian where
# there is no menu yet.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
loader=/boot/loader
entry=$(sed -n 's/^default  *//p' "$loader/loader.conf" 2>/dev/null)
init=$(sed -n 's/^options .*init=\([^ ]*\).*/\1/p' "$loader/entries/$entry" 2>/dev/null)
if [ -n "$init" ] && [ -x "$init" ]; then
    exec "$init"
fi
exec /lib/systemd/systemd
