# Only ever in the playground that this script belongs to.
refuse() {
    echo "$0: $1" >&2
    exit 1
}
root=${LUMINOUS_PLAYGROUND_ROOT:-}
[ -n "$root" ] || refuse 'this belongs to a playground, and LUMINOUS_PLAYGROUND_ROOT names none'
[ -f "$root/.luminous-nix-playground" ] || refuse "$root is not a playground: it has no marker file"
for folder in "${LUMINOUS_PLAYGROUND_RUN_DIR:-}" "${LUMINOUS_PLAYGROUND_BOOT_DIR:-}" \
    "${LUMINOUS_PLAYGROUND_PROFILE:-}" "${LUMINOUS_PLAYGROUND_HOME:-}" \
    "${LUMINOUS_PLAYGROUND_LOG:-}" "$self"; do
    case $folder in
        */../* | */..) refuse "$folder is not a plain path" ;;
        "$root"/?*) ;;
        *) refuse "${folder:-an unset LUMINOUS_PLAYGROUND_ variable} is not in the playground $root" ;;
    esac
done
