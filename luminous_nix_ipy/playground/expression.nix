# Makes a derivation of everything in a description (a JSON file), and gives those it calls roots.
{ description, path, system ? builtins.currentSystem }:
let
  described = builtins.fromJSON (builtins.readFile description);

  token = key: output: "<<${key}:${output}>>";

  make = key: { name, pname, version, outputs, references, script }:
    derivation {
      inherit name pname version outputs system;
      builder = "/bin/sh";
      PATH = path;
      args = [
        "-euc"
        (builtins.replaceStrings
          (map (output: token "self" output) outputs
            ++ map (to: token to.key to.output) references)
          (map (output: builtins.placeholder output) outputs
            ++ map (to: made.${to.key}.${to.output}.outPath) references)
          script)
      ];
    };

  made = builtins.mapAttrs make described.derivations;
in
map (key: made.${key}) described.roots
