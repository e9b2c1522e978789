#!/bin/sh
# Activates this system: the order, exit codes and sentences are those of nixpkgs'
# switch-to-configuration-ng. It writes what it did to a log, and reads what shall go wrong from
# files that a test wrote: FAULTS/<system>.<action>.before and .after are shell lines that are run
# there.
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

self=@out@
name=@name@
action=${1:-}
running=/run/current-system
faults=/var/lib/machine-test/faults
log=/var/lib/machine-test/switch.log

say() {
    echo "$*" >&2
}

note() {
    printf '%s %s %s\n' "$name" "$action" "$1" >>"$log" 2>/dev/null || :
}

fault() {
    [ ! -e "$faults/$name.$action.$1" ] || . "$faults/$name.$action.$1"
}

finish() {
    note "ended with $1"
    exit "$1"
}

# The units of a system, without its folder.
units_of() {
    for unit in "$1"/etc/systemd/system/*.service; do
        [ ! -e "$unit" ] || echo "${unit##*/}"
    done
}

# announce WORDS UNIT...: the line that tells of some units, or none.
announce() {
    words=$1
    shift
    [ $# = 0 ] || say "$words: $(echo "$@" | sed 's/ /, /g')"
}

# Run systemctl for units, unless there are none; our lock is not its business.
each() {
    [ $# = 1 ] || systemctl "$@" 9>&-
}

failed_units() {
    systemctl list-units --state=failed --plain --no-legend --no-pager 9>&- | sed 's/ .*//'
}

install_boot_loader() {
    entries=/boot/loader/entries
    mkdir -p "$entries" /boot/EFI/nixos
    for link in /nix/var/nix/profiles/system-*-link; do
        number=${link#/nix/var/nix/profiles/system-}
        number=${number%-link}
        write_entry "$(readlink "$link")" "nixos-generation-$number" "Generation $number" || return
    done
    for entry in "$entries"/nixos-generation-*.conf; do
        number=${entry##*-generation-}
        [ -L "/nix/var/nix/profiles/system-${number%.conf}-link" ] || rm "$entry"
    done
}

# write_entry SYSTEM ENTRY TITLE: a boot entry with the kernel it needs; the default where it is
# this system's. Files are replaced whole, as the real builder does.
write_entry() {
    kernel=$(readlink "$1/kernel")
    kernel_file=/EFI/nixos/$(echo "${kernel#/nix/store/}" | tr / -).efi
    if [ ! -e "/boot$kernel_file" ]; then
        cp "$kernel" "/boot$kernel_file.tmp" && mv "/boot$kernel_file.tmp" "/boot$kernel_file" ||
            return
    fi
    {
        echo 'title NixOS'
        echo "version $3 $(cat "$1/nixos-version")"
        echo "linux $kernel_file"
        echo "options init=$1/init $(cat "$1/kernel-params")"
    } >"$entries/.$2" && mv "$entries/.$2" "$entries/$2.conf" || return
    if [ "$1" = "$self" ]; then
        printf 'timeout 5\ndefault %s.conf\n' "$2" >/boot/loader/.loader.conf &&
            mv /boot/loader/.loader.conf /boot/loader/loader.conf
    fi
}

# What a switch does to each unit: sets stop, start, restart, reload and skip.
compare_units() {
    stop= start= restart= reload= skip=
    for unit in $(units_of "$running"); do
        [ -e "$self/etc/systemd/system/$unit" ] || stop="$stop $unit"
    done
    for unit in $(units_of "$self"); do
        new=$self/etc/systemd/system/$unit
        old=$running/etc/systemd/system/$unit
        if ! systemctl --quiet is-active "$unit" 9>&-; then
            start="$start $unit"
        elif cmp -s "$old" "$new"; then
            :
        elif grep -q '^X-RestartIfChanged=false' "$new"; then
            skip="$skip $unit"
        elif grep -q '^X-ReloadIfChanged=true' "$new"; then
            reload="$reload $unit"
        else
            restart="$restart $unit"
        fi
    done
}

case $action in
    check | switch | boot | test | dry-activate) ;;
    *)
        say "Usage: $0 [check|switch|boot|test|dry-activate]"
        exit 1
        ;;
esac
mkdir -p /run/nixos "${log%/*}"
exec 9>/run/nixos/switch-to-configuration.lock
if ! flock --nonblock 9; then
    say 'Could not acquire lock'
    exit 1
fi
note "began for $PPID as $(id -un)"
fault before
[ "$action" != check ] || finish 0
case $action in
    switch | boot) install_boot_loader || finish 1 ;;
esac
if [ "$action" = boot ]; then
    fault after
    finish 0
fi
if [ "$(cat "$self/init-interface-version")" != "$(cat "$running/init-interface-version")" ]; then
    say 'Warning: the new NixOS configuration has an ‘init’ that is incompatible with the current'
    say 'configuration. The new configuration will not take effect until you reboot the system.'
    finish 100
fi
compare_units
if [ "$action" = dry-activate ]; then
    announce 'would stop the following units' $stop
    announce 'would NOT restart the following changed units' $skip
    say 'would activate the configuration...'
    announce 'would reload the following units' $reload
    announce 'would restart the following units' $restart
    announce 'would start the following units' $start
    fault after
    finish 0
fi
failed_before=$(failed_units)
announce 'stopping the following units' $stop
each stop $stop
announce 'NOT restarting the following changed units' $skip
say 'activating the configuration...'
status=0
"$self/activate" 9>&- || status=2
systemctl daemon-reload 9>&- || status=3
fault during
announce 'reloading the following units' $reload
each reload $reload
announce 'restarting the following units' $restart
each restart $restart
announce 'starting the following units' $start
each start $start
announce 'the following new units were started' $start
failed=
for unit in $(failed_units); do
    case " $failed_before " in
        *" $unit "*) ;;
        *) failed="$failed $unit" ;;
    esac
done
if [ -n "$failed" ]; then
    announce 'warning: the following units failed' $failed
    status=4
fi
fault after
finish "$status"
