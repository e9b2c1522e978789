# Four systems of NixOS's shape (nixpkgs, nixos/modules/system/activation/top-level.nix), whose units
# are real ones. `dusk` is in no generation until a test builds it.
let
  make = name: tree: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/usr/bin/python3";
    args = [ ./make.py ];
    tree = builtins.toJSON tree;
  };
  package = name: version: make "${name}-${version}" { "share/${name}" = version; };
  linux = version: make "linux-${version}" {
    bzImage = "Linux ${version}\n";
    "lib/modules/${version}/modules.order" = "kernel/ext4.ko\n";
  };
  web = make "web-1.0" { "web.py" = builtins.readFile ./web.py; };
  service = description: lines: ''
    [Unit]
    Description=${description}
    [Service]
    ${builtins.concatStringsSep "\n" lines}
  '';
  wait = "ExecStart=/bin/sleep infinity";

  # Its own unit, which no other system has; one that all have alike; one that each restarts, one
  # that it only reloads, one that it leaves alone; one that can fail; one that runs what a test
  # wants, once; a web server.
  units = name: {
    "only-in-${name}.service" = service "Only in ${name}" [ wait ];
    "steady.service" = service "The same in every system" [ wait ];
    "changing.service" = service "Of ${name}" [ wait ];
    "reloading.service" = service "Of ${name}" [
      "X-ReloadIfChanged=true"
      "ExecReload=/bin/true"
      wait
    ];
    "kept.service" = service "Of ${name}" [ "X-RestartIfChanged=false" wait ];
    "fragile.service" = service "Fails where a test says so, in ${name}" [
      "Type=exec"
      "ExecStartPre=/bin/sh ${fragile}/start.sh ${name}"
      "ExecStart=/bin/sh ${fragile}/run.sh ${name}"
    ];
    "notebook.service" = service "What a user works in, of ${name}" [
      "ExecStart=/bin/sh ${notebook}/run.sh ${name}"
    ];
    "web.service" = service "A web server of ${name}" [
      "Type=notify"
      "ExecStart=/usr/bin/python3 ${web}/web.py ${name}"
    ];
  };
  notebook = make "notebook-1.0" {
    "run.sh" = ''
      if mv /var/lib/machine-test/in-notebook /run/in-notebook; then
          . /run/in-notebook
      fi
      exec sleep infinity
    '';
  };
  fragile = make "fragile-1.0" {
    "start.sh" = "[ ! -e /var/lib/machine-test/faults/$1.fails-at-once ]\n";
    "run.sh" = ''
      file=/var/lib/machine-test/faults/$1.fails-after
      if [ -e "$file" ]; then
          sleep "$(cat "$file")"
          exit 1
      fi
      exec sleep infinity
    '';
  };

  system = { name, version, kernel, hello }:
    let
      image = linux kernel;
      path = make "system-path" {
        "share/hello".link = package "hello" hello;
        "bin/nixos-version" = "#!/bin/sh\necho ${version}\n";
      };
      etc = make "etc" (
        { "etc/os-release" = "ID=nixos\nNAME=NixOS\nPRETTY_NAME=\"NixOS ${version}\"\n"; }
        // builtins.listToAttrs (map
          (unit: { name = "etc/systemd/system/${unit}"; value = (units name).${unit}; })
          (builtins.attrNames (units name)))
      );
      script = file: builtins.replaceStrings [ "@name@" ] [ name ] (builtins.readFile file);
    in
    make "nixos-system-${name}-${version}" {
      "nixos-version" = version;
      "kernel".link = "${image}/bzImage";
      "initrd".link = "${image}/bzImage";
      "kernel-modules".link = image;
      "kernel-params" = "loglevel=4";
      "sw".link = path;
      "systemd".link = package "systemd" "252.38";
      "etc".link = "${etc}/etc";
      "init" = script ./init.sh;
      "activate" = script ./activate.sh;
      "init-interface-version" = "systemd 2";
      "system" = builtins.currentSystem;
      "specialisation" = null;
      "boot.json" = builtins.toJSON {
        "org.nixos.bootspec.v1" = {
          init = "@out@/init";
          initrd = "${image}/bzImage";
          kernel = "${image}/bzImage";
          kernelParams = [ "loglevel=4" ];
          label = "NixOS ${version} (${name})";
          system = builtins.currentSystem;
          toplevel = "@out@";
        };
      };
      "bin/switch-to-configuration" = script ./switch-to-configuration.sh;
    };
in
rec {
  amber = system { name = "amber"; version = "25.05.1"; kernel = "6.12.1"; hello = "2.10"; };
  blue = system { name = "blue"; version = "25.05.2"; kernel = "6.12.8"; hello = "2.12"; };
  coral = system { name = "coral"; version = "25.11.1"; kernel = "6.12.8"; hello = "2.12.1"; };
  dusk = system { name = "dusk"; version = "25.11.2"; kernel = "6.12.8"; hello = "2.13"; };
  configuration.config.system.build.toplevel = dusk;
}
