#!/bin/sh
# Activates this generation of a playground, and speaks as NixOS's switch-to-configuration does
# (nixpkgs, pkgs/by-name/sw/switch-to-configuration-ng). It moves no profile.
set -eu

self='<<self:out>>'
activation='@activation@'
failing_units='@failing_units@'

@guard@
run_dir=$LUMINOUS_PLAYGROUND_RUN_DIR
boot_dir=$LUMINOUS_PLAYGROUND_BOOT_DIR
profile=$LUMINOUS_PLAYGROUND_PROFILE
store=${self%/*}
running=$run_dir/current-system
units_dir=etc/systemd/system

say() {
    echo "$*" >&2
}

# The units of a kind, named after the words that announce them; nothing where there are none.
announce() {
    [ -z "$2" ] || say "$1: $2"
}

# append LIST NAME: the list with the name added, separated as in NixOS's messages.
append() {
    echo "${1:+$1, }$2"
}

text_of() {
    [ ! -e "$1" ] || cat "$1"
}

write_log() {
    printf '%s\t%s %s\tNIXOS_INSTALL_BOOTLOADER=%s NIXOS_NO_CHECK=%s\n' \
        "$(date +%Y-%m-%dT%H:%M:%S)" "$self/bin/switch-to-configuration" "$1" \
        "${NIXOS_INSTALL_BOOTLOADER:-}" "${NIXOS_NO_CHECK:-}" >>"$LUMINOUS_PLAYGROUND_LOG"
}

# NixOS refuses to switch live where a component that cannot be exchanged under way differs.
check_inhibitors() {
    [ "${NIXOS_NO_CHECK:-}" != 1 ] || return 0
    [ -e "$running/switch-inhibitors" ] && [ -e "$self/switch-inhibitors" ] || return 0
    [ "$(cat "$running/switch-inhibitors")" != "$(cat "$self/switch-inhibitors")" ] || return 0
    say 'Pre-switch check failed: this generation cannot be switched to without a reboot.'
    say "running: $(cat "$running/switch-inhibitors")"
    say "wanted:  $(cat "$self/switch-inhibitors")"
    exit 1
}

# The name of a store path's file on the boot partition, as NixOS's builder for systemd-boot has it.
name_on_boot() {
    below=${1#"$store"/}
    echo "${below%%/*}-${below##*/}.efi"
}

# copy_to_boot FILE NAME: what is there already stays.
copy_to_boot() {
    [ -e "$boot_files/$2" ] || { cp "$1" "$boot_files/.new" && mv "$boot_files/.new" "$boot_files/$2"; }
}

remove_stale_copies() {
    needed=' '
    for link in "$profile"-*-link; do
        for part in kernel initrd; do
            [ ! -L "$link/$part" ] || needed="$needed$(name_on_boot "$(readlink "$link/$part")") "
        done
    done
    for copy in "$boot_files"/*; do
        case $needed in
            *" ${copy##*/} "*) ;;
            *) rm -f "$copy" ;;
        esac
    done
}

# One entry for each generation of the profile, in the shape of the Boot Loader Specification; the
# default is the one that is this system.
install_boot_loader() {
    entries=$boot_dir/loader/entries
    boot_files=$boot_dir/EFI/nixos
    mkdir -p "$entries" "$boot_files"
    remove_stale_copies
    default=
    current=$(readlink "$profile" || :)
    for link in "$profile"-*-link; do
        [ -e "$link/nixos-version" ] || continue
        number=${link#"$profile"-}
        number=${number%-link}
        system=$(readlink "$link")
        kernel=$(readlink "$link/kernel")
        initrd=$(readlink "$link/initrd")
        kernel_name=$(name_on_boot "$kernel")
        initrd_name=$(name_on_boot "$initrd")
        copy_to_boot "$kernel" "$kernel_name"
        copy_to_boot "$initrd" "$initrd_name"
        # NixOS ends these files without a newline, which `read` reports as a failure.
        read -r its_version <"$link/nixos-version" || :
        read -r its_params <"$link/kernel-params" || :
        cat >"$entries/.new" <<ENTRY
title NixOS
version Generation $number NixOS $its_version
linux /EFI/nixos/$kernel_name
initrd /EFI/nixos/$initrd_name
options init=$system/init $its_params
ENTRY
        mv "$entries/.new" "$entries/nixos-generation-$number.conf"
        # Several generations may be this system; then the profile's current one is meant.
        if [ "$link" -ef "$self" ] && { [ -z "$default" ] || [ "${link##*/}" = "$current" ]; }; then
            default=$number
        fi
    done
    for entry in "$entries"/nixos-generation-*.conf; do
        number=${entry##*/nixos-generation-}
        [ -e "$profile-${number%.conf}-link" ] || rm -f "$entry"
    done
    [ -n "$default" ] || return 0
    echo "default nixos-generation-$default.conf" >"$boot_dir/loader/.new"
    mv "$boot_dir/loader/.new" "$boot_dir/loader/loader.conf"
}

compare_units() {
    stopped= started= restarted= reloaded= kept=
    for unit in "$running/$units_dir"/*.service; do
        name=${unit##*/}
        if [ -e "$unit" ] && [ ! -e "$self/$units_dir/$name" ]; then
            stopped=$(append "$stopped" "$name")
        fi
    done
    for unit in "$self/$units_dir"/*.service; do
        name=${unit##*/}
        new=$(cat "$unit")
        if [ ! -e "$running/$units_dir/$name" ]; then
            started=$(append "$started" "$name")
        elif [ "$new" != "$(text_of "$running/$units_dir/$name")" ]; then
            case $new in
                *X-RestartIfChanged=false*) kept=$(append "$kept" "$name") ;;
                *X-ReloadIfChanged=true*) reloaded=$(append "$reloaded" "$name") ;;
                *) restarted=$(append "$restarted" "$name") ;;
            esac
        fi
    done
}

preview() {
    announce 'would stop the following units' "$stopped"
    announce 'would NOT restart the following changed units' "$kept"
    say 'would activate the configuration...'
    announce 'would reload the following units' "$reloaded"
    announce 'would restart the following units' "$restarted"
    announce 'would start the following units' "$started"
}

# As on NixOS, an activation script that fails has run to its end: the system runs all the same.
activate() {
    announce 'stopping the following units' "$stopped"
    announce 'NOT restarting the following changed units' "$kept"
    say 'activating the configuration...'
    status=0
    if [ "$activation" = fails ]; then
        say "Activation script snippet 'lesson' failed (1)"
        say 'activation script failed'
        status=2
    fi
    ln -s "$self" "$run_dir/.current-system.$$"
    mv -T "$run_dir/.current-system.$$" "$running"
    announce 'reloading the following units' "$reloaded"
    announce 'restarting the following units' "$restarted"
    announce 'the following new units were started' "$started"
    if [ -n "$failing_units" ]; then
        say "warning: the following units failed: $failing_units"
        status=4
    fi
    exit "$status"
}

action=${1:-}
case $action in
    check | switch | boot | test | dry-activate) [ $# = 1 ] || action= ;;
    *) action= ;;
esac
[ -n "$action" ] || refuse 'usage: switch-to-configuration check|switch|boot|test|dry-activate'
write_log "$action"
case $action in check | switch | test) check_inhibitors ;; esac
case $action in switch | boot) install_boot_loader ;; esac
case $action in check | boot) exit 0 ;; esac
compare_units
case $action in
    dry-activate) preview ;;
    *) activate ;;
esac
