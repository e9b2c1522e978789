#!/bin/sh
# Links the units of this system to where systemd looks for them, wants them at boot, and says
# which system runs. On NixOS they are below /etc; here Debian's own units are.
set -eu
units=/run/systemd/system
wants=$units/multi-user.target.wants
mkdir -p "$wants"
for link in "$units"/*.service "$wants"/*.service; do
    case $(readlink "$link") in
        /nix/store/*) rm "$link" ;;
    esac
done
for unit in @out@/etc/systemd/system/*.service; do
    ln -sfn "$unit" "$units/${unit##*/}"
    ln -sfn "$unit" "$wants/${unit##*/}"
done
ln -sfn @out@ /run/.current-system
mv -T /run/.current-system /run/current-system
