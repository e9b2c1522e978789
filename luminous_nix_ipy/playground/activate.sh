#!/bin/sh
# Links this generation's files into the playground's home, and takes away those of the generation
# that was active before (home-manager, modules/files.nix). It moves no profile.
set -eu

self='<<self:out>>'

@guard@
home=$LUMINOUS_PLAYGROUND_HOME
active=$home/.local/state/home-manager/gcroots/current-home

echo "Starting Home Manager activation"
for old in "$active"/home-files/.config/*/*; do
    file=${old#"$active"/home-files/}
    if [ -e "$old" ] && [ ! -e "$self/home-files/$file" ] && [ -L "$home/$file" ]; then
        rm "$home/$file"
    fi
done
echo "Activating linkGeneration"
for new in "$self"/home-files/.config/*/*; do
    file=${new#"$self"/home-files/}
    mkdir -p "$home/${file%/*}"
    ln -sfn "$new" "$home/$file"
done
mkdir -p "${active%/*}"
ln -sfn "$self" "$active"
