# Carries out one change of a profile, whatever becomes of whoever asked for it.
#
# Given to `sh -c` after `journal_line.sh`. What it is to do comes in variables (supervisor.py names each); nothing
# of them is ever read as shell text. It needs coreutils, flock and sed beside Nix, and systemctl
# where systemd runs.
#
# Two processes: `forward` goes through the steps; the one that started it waits for it, puts back
# what was there when it failed or died, journals the outcome, and cleans up. What was touched stands
# in files of the private folder, so that nothing is forgotten with a process that dies.
#
# It talks to the kernel by lines that begin with a token: steps, codes and the outcome on stdout,
# `renew`, `confirm` and `reject REASON` on stdin. Other lines on stdout are what the programs print.

set -u
umask 022

for name in script id token folder lock journal intent mode kind profile before_link before_number \
    before_path running target_path target_number newest activated nix_env nix_store root \
    root_is_direct old_roots restore confirm_timeout settle activation_timeout own_unit_stops \
    activation_words boot_words boot_dir current_system systemd has_boot confirm recover first_profile; do
    eval "$name=\${LUMINOUS_CHANGE_$name-}"
    unset "LUMINOUS_CHANGE_$name"
done

profile_dir=${profile%/*}
events=$folder/events
NIX_ENV_SECONDS=300
LOCK_SECONDS=10
newline='
'

# --- what is told ---------------------------------------------------------------------------------

tell() {
    printf '\n%s %s\n' "$token" "$*" >>"$events"
}

step() {
    printf '%s' "$1" >"$folder/step"
    wc -c <"$events" >"$folder/offset"
    tell step "$1"
}

fail() { # CODE SENTENCE...: end `forward`, with the code of what failed
    code=$1
    shift
    printf '%s' "$code" >"$folder/code"
    printf '%s' "$*" >"$folder/failure"
    exit 1
}

# What the step's program printed last, as the inside of a JSON string.
said() {
    [ -e "$folder/offset" ] || return 0
    tail -c "+$(($(cat "$folder/offset") + 1))" "$events" | sed "/^$token /d; /^[[:space:]]*\$/d" |
        tail -n 6 | quoted
}

quoted() {
    tr '\11\15' '  ' | tr -cd '\12\40-\176' | sed 's/[\\"]/\\&/g' |
        while read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done
}

# --- what is looked at ----------------------------------------------------------------------------

monotonic() { # sets `now` to seconds that no change of the clock moves
    read -r now _ </proc/uptime
    now=${now%.*}
}

profile_link() {
    readlink "$profile" || :
}

running_now() {
    readlink -f "$current_system" || :
}

failed_units() {
    [ "$systemd" = 1 ] || return 0
    systemctl list-units --state=failed --plain --no-legend --full --all | cut -d ' ' -f 1 | sort
}

# The system that the boot loader starts by default; nothing where that cannot be told
# (systemd-boot: loader.conf(5) and the Boot Loader Specification; GRUB: its first entry). Where both
# have left their files, the later ones are those in use.
booted_by_default() {
    loader=$boot_dir/loader/loader.conf
    grub=$boot_dir/grub/grub.cfg
    if [ -r "$loader" ] && ! [ "$grub" -nt "$loader" ]; then
        default=$(sed -n 's/^default[[:space:]]\{1,\}//p' "$loader" | tail -n 1)
        for entry in "$boot_dir/loader/entries/${default:-none}" \
            "$boot_dir/loader/entries/${default:-none}.conf"; do
            [ -r "$entry" ] || continue
            sed -n 's|^options[[:space:]].*init=\([^[:space:]]*\)/init.*|\1|p' "$entry" | head -n 1
            return
        done
    elif [ -r "$grub" ]; then
        sed -n 's|.*init=\([^[:space:]]*\)/init.*|\1|p' "$grub" | head -n 1
    fi
}

default_system() { # the same, where an entry names a profile's link
    default=$(booted_by_default)
    [ -z "$default" ] || readlink -f "$default"
}

# --- what is run ----------------------------------------------------------------------------------

# run SECONDS PROGRAM...: its exit code in `code`. What it leaves in its group is ended when it was
# itself ended by a signal. It gets neither our locks nor our pipes.
run() {
    limit=$1
    shift
    # The file names the group for whoever goes on when this process is killed.
    timeout --kill-after=10 "$limit" "$@" </dev/null 9>&- &
    group=$!
    printf '%s' "$group" >"$folder/child"
    while :; do
        wait "$group"
        code=$?
        kill -0 "$group" 2>/dev/null || break # else a signal to us ended the wait
    done
    if [ "$code" -gt 123 ]; then
        kill -KILL "-$group" 2>/dev/null
    fi
    rm -f "$folder/child"
}

# The words for `env` are constants of ours, such as NIXOS_NO_CHECK=1: they may be split.

# switch_to_configuration WORDS PATH ACTION: where another one holds its lock, be it for a preview, it
# ends before it has done anything, and is run again.
switch_to_configuration() {
    tries=0
    while :; do
        start=$(wc -c <"$events")
        run "$activation_timeout" env $1 "$2/bin/switch-to-configuration" "$3"
        [ "$code" = 1 ] && [ "$tries" -lt 20 ] || return 0
        tail -c "+$((start + 1))" "$events" >"$folder/printed"
        [ -n "$(sed -n '/[Cc]ould not acquire lock/p' "$folder/printed")" ] || return 0
        tries=$((tries + 1))
        sleep 0.5
    done
}

activate() { # PATH WORDS: activate a system, or a home
    if [ "$kind" = system ]; then
        switch_to_configuration "$2" "$1" test
    else
        run "$activation_timeout" "$1/activate"
    fi
}

write_boot_entries() { # PATH
    switch_to_configuration "$boot_words" "$1" boot
}

nix_env() {
    run "$NIX_ENV_SECONDS" "$nix_env" --profile "$profile" "$@"
}

# Delete generations that this change, or what it ran, has added, but for the current one.
delete_created() {
    for link in "$profile"-*-link; do
        number=${link#"$profile"-}
        number=${number%-link}
        case $number in '' | *[!0-9]*) continue ;; esac
        [ "$number" -gt "$newest" ] && [ "${link##*/}" != "$(profile_link)" ] || continue
        case $(readlink "$link") in "$target_path" | "$before_path") ;; *) continue ;; esac
        nix_env --delete-generations "$number"
        tell ran delete "$code" "$number"
        [ "$code" = 0 ] || return 1
    done
}

# --- journal and roots ----------------------------------------------------------------------------

outcome_line() { # OUTCOME
    monotonic
    printf '{"id":"%s","ended":%s,"outcome":"%s","ran":[' "$id" "$(date +%s.%3N)" "$1"
    separator=
    while read -r mark word name result number; do
        [ "$mark" = "$token" ] && [ "$word" = ran ] || continue
        printf '%s["%s",%s,"%s"]' "$separator" "$name" "$result" "${number:-}"
        separator=,
    done <"$events"
    printf ']'
    if [ -e "$folder/failure" ]; then
        printf ',"step":"%s","code":%s,"error":"%s","said":"%s"' \
            "$(cat "$folder/failed")" "$(cat "$folder/code")" \
            "$(quoted <"$folder/failure")" "$(cat "$folder/said")"
    fi
    if [ -s "$folder/problems" ]; then
        printf ',"problems":"%s"' "$(quoted <"$folder/problems")"
    fi
    printf '}'
}

keep() { # NAME PATH LINK: a gc root
    [ ! -L "$3" ] || return 0 # of a change that was cut off
    [ -d "${root%/*}" ] || mkdir -p "${root%/*}" || return
    if [ "$root_is_direct" = 1 ]; then
        ln -s "$2" "$3"
    else
        run "$NIX_ENV_SECONDS" "$nix_store" --realise "$2" --add-root "$3" --indirect
        tell ran "$1" "$code"
        [ "$code" = 0 ]
    fi
}

drop_roots() {
    rm -f "$root-running" "$root-target"
}

# --- forward --------------------------------------------------------------------------------------

# unchanged LINK RUNNING: nobody else has changed profile or running system. A change that was cut
# off has left either as it was, or as it should be.
unchanged() {
    link=$(profile_link)
    [ "$link" = "$1" ] ||
        { [ "$recover" = finish ] && [ "$(readlink "$profile_dir/$link")" = "$target_path" ]; } ||
        fail 0 "the profile was changed by somebody else: it is ${link:-gone}"
    runs=$(running_now)
    [ -z "$running" ] || [ "$runs" = "$2" ] ||
        { [ "$recover" = finish ] && [ "$runs" = "$activated" ]; } ||
        fail 0 "the running system was changed by somebody else: $runs runs"
}

# Whatever the change that was cut off may have touched is put back.
undo() {
    step recover
    if [ "$mode" != boot ] && [ "$kind" != user ]; then true >"$folder/activating"; fi
    if [ "$mode" != test ]; then true >"$folder/moving"; fi
    if [ "$mode" != test ] && [ "$has_boot" = 1 ]; then true >"$folder/booting"; fi
    fail 0 'it was cut off, and undone'
}

forward() {
    if [ -z "$recover" ]; then
        step intent
        journal_line "$intent" || fail 0 'the intent could not be journalled'
    fi
    true >"$folder/journalled"
    [ "$recover" != undo ] || undo

    step keep
    if [ -n "$root" ]; then
        keep keep "$before_path" "$root" || fail 0 'what is current now could not be kept'
        if [ -n "$running" ] && [ "$running" != "$before_path" ]; then
            keep keep-running "$running" "$root-running" || fail 0 'what runs now could not be kept'
        fi
        keep keep-target "$target_path" "$root-target" || fail 0 'the target could not be kept'
    fi
    unchanged "$before_link" "$running"
    [ ! -e "$folder/gone" ] || fail 0 'whoever asked for it is gone'

    if [ "$mode" != boot ] && [ "$kind" != user ]; then
        step activate
        failed_units >"$folder/failed-before"
        unchanged "$before_link" "$running"
        true >"$folder/activating"
        activate "$activated" "$activation_words"
        printf '%s' "$code" >"$folder/activation"
        tell ran activate "$code"
        case $kind.$code in
            *.0 | system.4) ;;
            *.124 | *.137) fail "$code" 'the activation was ended: it took too long, or was killed' ;;
            *) fail "$code" "the activation ended with $code" ;;
        esac
        [ -z "$running" ] || [ "$(running_now)" = "$activated" ] ||
            fail 0 "running system: $(running_now) runs, though the activation said it was done"
        [ "$confirm" != activate ] || confirmed
    fi

    expected=$before_link
    if [ "$mode" != test ]; then
        step move
        [ "$kind" = home-manager ] || unchanged "$before_link" "$(after_activation)"
        true >"$folder/moving"
        if [ -n "$first_profile" ]; then # Nix makes the place of a user's first profile
            run "$NIX_ENV_SECONDS" "$first_profile" --query
            tell ran first-profile "$code"
        fi
        if [ -n "$target_number" ]; then
            nix_env --switch-generation "$target_number"
        else
            nix_env --set "$target_path"
        fi
        tell ran move "$code"
        [ "$code" = 0 ] || fail "$code" "nix-env ended with $code"
        expected=$(profile_link)
        case $expected in
            "${profile##*/}-${target_number:-*}-link") ;;
            "${profile##*/}"-*-link) [ -z "$target_number" ] || fail 0 "$expected is current" ;;
            *) fail 0 "the profile's link is ${expected:-gone}" ;;
        esac
        [ "$(readlink "$profile_dir/$expected")" = "$target_path" ] ||
            fail 0 "the profile leads to $(readlink "$profile_dir/$expected")"
        [ "$kind" != home-manager ] || delete_created ||
            fail "$code" 'a generation that activate recorded for itself could not be deleted'
        [ "$confirm" != move ] || confirmed
        if [ "$has_boot" = 1 ]; then
            step boot
            unchanged "$expected" "$(after_activation)"
            true >"$folder/booting"
            write_boot_entries "$target_path"
            tell ran boot "$code"
            [ "$code" = 0 ] || fail "$code" "the boot loader's entries were not written: it ended with $code"
        fi
    fi

    step verify
    unchanged "$expected" "$(after_activation)"
    if [ "$mode" != test ]; then
        tell verified profile ok "$expected"
    fi
    if [ -n "$running" ] && [ "$mode" != boot ]; then
        tell verified running ok "$activated"
    fi
    if [ "$has_boot" = 1 ] && [ "$mode" != test ]; then
        default=$(default_system)
        case $default in
            '') tell verified boot unknown ;;
            "$target_path") tell verified boot ok "$default" ;;
            *) fail 0 "boot entry: the boot loader starts $default" ;;
        esac
    fi
}

after_activation() {
    if [ "$mode" = boot ]; then echo "$running"; else echo "$activated"; fi
}

# Wait until the change is confirmed; `fail` where it is rejected, or nobody answers in time.
confirmed() {
    step health
    tell waiting "$confirm_timeout"
    monotonic
    deadline=$((now + confirm_timeout))
    while :; do
        if [ -e "$folder/confirm" ]; then
            return
        elif [ -e "$folder/reject" ]; then
            fail 0 "health: $(cat "$folder/reason")"
        elif [ -e "$folder/gone" ]; then
            [ "$own_unit_stops" = 1 ] || fail 0 'whoever was to confirm it is gone'
            units_are_well
            return
        fi
        monotonic
        if [ -e "$folder/renew" ]; then
            rm -f "$folder/renew"
            deadline=$((now + confirm_timeout))
        fi
        [ "$now" -le "$deadline" ] || fail 0 "nobody confirmed it within $confirm_timeout s"
        sleep 0.1
    done
}

# Where the activation itself stopped the kernel's own unit, nobody is left to confirm.
units_are_well() {
    sleep "$settle"
    failed_units >"$folder/failed-after"
    worse=$(comm -13 "$folder/failed-before" "$folder/failed-after")
    [ -z "$worse" ] || fail 0 "units failed: $worse"
}

# --- back -----------------------------------------------------------------------------------------

problem() {
    printf '%s\n' "$*" >>"$folder/problems"
}

back() {
    [ -e "$folder/activating" ] || [ -e "$folder/moving" ] || return 0
    activation=
    [ ! -e "$folder/activation" ] || activation=$(cat "$folder/activation")

    if [ "$kind" = home-manager ] && [ -n "$before_path" ]; then
        step restore-running
        activate "$before_path" ''
        tell ran restore-running "$code"
        [ "$code" = 0 ] || problem "the home's files were not put back: it ended with $code"
    fi

    link=$(profile_link)
    if [ "$link" != "$before_link" ]; then
        step restore-profile
        back_profile "$link"
    fi
    step restore-generations
    delete_created || problem 'a generation that was not there before could not be deleted'

    if [ "$kind" = system ]; then
        back_running
        if [ -e "$folder/booting" ] && [ -n "$before_path" ]; then
            step restore-boot
            write_boot_entries "$before_path"
            tell ran restore-boot "$code"
            # Where /boot is full, both ways fail; what counts is what the next boot starts.
            [ "$code" = 0 ] || [ "$(default_system)" = "$before_path" ] ||
                problem "the boot loader's entries were not put back: it ended with $code"
        fi
    fi
}

back_profile() { # LINK: what the profile leads to now
    case $(readlink "$profile_dir/$1") in
        "$target_path" | "$before_path") ;;
        *)
            problem "the profile is left as it is: somebody else made it ${1:-nothing}"
            return
            ;;
    esac
    if [ -z "$before_link" ]; then
        problem "there was no generation before: $1 stays"
        return
    fi
    if [ -L "$profile_dir/$before_link" ]; then
        nix_env --switch-generation "$before_number"
        tell ran restore-profile "$code"
    else
        nix_env --set "$before_path"
        tell ran restore-profile-anew "$code"
        tell renumbered "$(profile_link)"
    fi
    [ "$(readlink -f "$profile")" = "$before_path" ] ||
        problem "generation $(profile_link) is current, not $before_link: nix-env ended with $code"
}

back_running() {
    runs=$(running_now)
    case $activation in
        1 | 100) [ "$runs" != "$running" ] || return 0 ;;
        '') [ -e "$folder/activating" ] || [ "$runs" != "$running" ] || return 0 ;;
    esac
    [ -n "$running" ] || return 0
    case $runs in
        "$running" | "$activated" | '') ;;
        *)
            problem "what runs is left as it is: somebody else made it $runs"
            return
            ;;
    esac
    if [ "$systemd" = 1 ] && [ "$(systemctl is-system-running)" = stopping ]; then
        problem 'the machine is being stopped: the next boot starts what it started before'
        return
    fi
    step restore-running
    # It ran before: what it checks before a switch must not keep it from running again.
    activate "$running" NIXOS_NO_CHECK=1
    tell ran restore-running "$code"
    case $code in
        0 | 4) ;;
        *) problem "what ran was not put back: its activation ended with $code" ;;
    esac
    runs=$(running_now)
    [ "$runs" = "$running" ] || problem "$runs runs, not $running"
}

finish() {
    if [ ! -e "$folder/failure" ]; then
        outcome=done
    else
        said >"$folder/said"
        cp "$folder/step" "$folder/failed"
        if [ "$restore" = 1 ]; then
            back
        elif [ -e "$folder/activating" ] || [ -e "$folder/moving" ]; then
            problem 'nothing was put back, as was asked for'
        fi
        outcome='failed, restored'
        [ ! -s "$folder/problems" ] || outcome=failed
    fi
    step outcome
    if [ "$outcome" = 'failed, restored' ] && [ -n "$root" ]; then
        rm -f "$root"
    fi
    [ -z "$root" ] || drop_roots
    if [ -e "$folder/journalled" ]; then
        journal_line "$(outcome_line "$outcome")" || tell unwritten
    fi
    if [ "$outcome" = 'done' ]; then
        printf '%s' "$old_roots" | while read -r old || [ -n "$old" ]; do rm -f "$old"; done
    fi
    if [ -s "$folder/problems" ]; then
        while read -r line; do tell problem "$line"; done <"$folder/problems"
    fi
    if [ -e "$folder/failure" ]; then
        tell failed "$(cat "$folder/failed")" "$(cat "$folder/code")" \
            "$(tr '\n' ' ' <"$folder/failure")"
    fi
    true >"$lock"
    exec 9>&-
    tell outcome "$outcome"
}

# --- the whole ------------------------------------------------------------------------------------

[ -d "${folder%/*}" ] || mkdir -p -m 700 "${folder%/*}" || exit 70
mkdir -m 700 "$folder" || exit 70
true >"$events"
tail -n +1 -f --pid=$$ "$events" 2>/dev/null &
relay=$!
exec 3<&0 </dev/null >>"$events" 2>&1

{
    while read -r mark word rest; do
        [ "$mark" = "$token" ] || continue
        case $word in
            renew | confirm) true >"$folder/$word" ;;
            reject)
                printf '%s' "$rest" >"$folder/reason"
                true >"$folder/reject"
                ;;
        esac
    done
    true >"$folder/gone"
} <&3 &
reader=$!
exec 3<&-

[ -d "${lock%/*}" ] || mkdir -p "${lock%/*}"
lacking=
for tool in comm cut flock od sed sha256sum sync timeout; do
    command -v "$tool" >/dev/null || lacking=$tool
done
if [ -n "$lacking" ]; then
    tell refused lacks "$lacking"
elif ! ( true >>"$lock" ) 2>/dev/null; then
    tell refused unwritable
elif exec 9<>"$lock" && ! flock -n 9 && ! flock -w "$LOCK_SECONDS" 9; then
    tell refused locked "$(head -c 200 "$lock" | tr '\n' ' ')"
else
    printf '%s %s\n' "$$" "$id" >"$lock"
    trap 'stopped=1' TERM
    stopped=0
    forward &
    worker=$!
    while :; do
        wait "$worker"
        code=$?
        if [ "$stopped" = 1 ]; then
            stopped=2
            kill -KILL "$worker" 2>/dev/null
            continue
        fi
        kill -0 "$worker" 2>/dev/null || break
    done
    if [ -e "$folder/child" ]; then
        kill -KILL "-$(cat "$folder/child")" 2>/dev/null
        rm -f "$folder/child"
    fi
    if [ "$code" != 0 ] && [ ! -e "$folder/failure" ]; then
        printf '%s' "$code" >"$folder/code"
        [ "$stopped" = 0 ] && ended=killed || ended=stopped
        printf 'the supervisor was %s' "$ended" >"$folder/failure"
    fi
    finish
fi

tries=0
while [ ! -e "$folder/gone" ] && [ "$tries" -lt 100 ]; do
    sleep 0.05
    tries=$((tries + 1))
done
kill "$reader" "$relay" 2>/dev/null
rm -rf "$folder"
[ -z "$recover" ] || rm -rf "${folder%-recover}"
