# Put before a script that writes a journal as `journal.append` does; `journal` names the file.

# journal_line OBJECT: add one JSON object, with the hash of the line before it, and wait until the
# disk has it.
journal_line() {
    [ -d "${journal%/*}" ] || mkdir -p "${journal%/*}" || return
    (
        exec 8>>"$journal" || exit
        flock 8 || exit
        last=null
        if [ -s "$journal" ]; then
            if [ "$(tail -c 1 "$journal" | od -An -tx1 | tr -d ' ')" != 0a ]; then
                printf '\n' >&8 || exit
            fi
            last=$(tail -n 1 "$journal" | tr -d '\n' | sha256sum | cut -c 1-64)
            last="\"$last\""
        fi
        printf '{"previous":%s,%s\n' "$last" "${1#\{}" >&8 || exit
        sync "$journal" "${journal%/*}"
    )
}

