# Stands in for the `nixos` of nixpkgs on a playground: the channel alone says what is built, the
# configuration has no say in it.
{ configuration ? import <nixos-config> }:
let
  systems = import ../expression.nix {
    description = ../description.json;
    path = "@path@";
  };
in
builtins.seq configuration {
  config = {
    system.build.toplevel = builtins.head systems;
    networking.hostName = "playground";
    networking.firewall.enable = true;
    networking.firewall.allowedTCPPorts = [ 22 80 443 ];
    services.nginx.enable = true;
    services.openssh.enable = true;
    services.postgresql.enable = true;
    virtualisation.docker.enable = false;
    virtualisation.podman.enable = true;
    time.timeZone = null;
  };
}
