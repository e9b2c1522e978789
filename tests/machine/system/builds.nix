# Systems that are built in one step, each of another kind; no other NAME has the same derivations.
{ name, system ? builtins.currentSystem }:
let
  make = kind: lines: derivation {
    name = "${kind}-${name}";
    inherit system;
    builder = "/bin/sh";
    args = [ "-c" "PATH=/usr/bin:/bin; set -e; ${lines}" ];
  };
in
builtins.mapAttrs (kind: lines: { config.system.build.toplevel = make kind lines; }) {
  fine = "mkdir $out; echo 25.11 > $out/nixos-version; hostname > $out/built-on";
  broken = "seq --format=line-%g 30; echo it is broken; exit 3";
  slow = "touch /mnt/share/${name}; sleep 997; mkdir $out";
  large = "mkdir $out; dd if=/dev/zero of=$out/zeros bs=1M count=64 status=none";
}
