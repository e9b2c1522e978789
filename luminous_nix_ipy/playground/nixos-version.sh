#!/bin/sh
# Tells the versions of the generation that it belongs to (NixOS, nixos-version(8)).
case ${1:-} in
    --hash | --revision) echo '@revision@' ;;
    --configuration-revision) echo '@configuration@' ;;
    --json)
        cat <<'EOF'
@json@
EOF
        ;;
    *) echo '@version@' ;;
esac
