#!/usr/bin/env bash
# Writes the configuration of a private suite below $1: one config.yaml for all five daemons, the
# rules of configd, and a key pair and a password for the user `dev`. What exists stays as it is,
# but config.yaml is written anew when the ports or folders it names have changed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

demo=${1:?usage: demo-config.sh DIRECTORY}
set_ports
umask 077
mkdir -p "$demo"/{rules,recordings,sandbox,logs,run}

# A Unix socket's path has at most 107 bytes; gateway.sock beside it is two longer.
socket=$demo/run/authd.sock
if ((${#socket} > 105)); then
    short=${TMPDIR:-/tmp}/berth-$EUID-$(cksum <<<"$demo" | cut -d ' ' -f 1)
    mkdir -p "$short"
    socket=$short/authd.sock
fi
say "$socket" >"$demo/run/authd.socket"
admin=${socket%/*}/gateway.sock

[[ -f $demo/password ]] || head -c 12 /dev/urandom | base64 | tr '+/' 'xy' >"$demo/password"
[[ -f $demo/id_ed25519 ]] ||
    ssh-keygen -q -t ed25519 -N '' -C 'demo user of Berth' -f "$demo/id_ed25519"

[[ -f $demo/rules/demo.yaml ]] || cat >"$demo/rules/demo.yaml" <<'RULES'
# What each user gets. The first rule that matches decides; see docs/rules.md.
rules:
  - name: demo
    match:
      user: dev
    config:
      sandbox:
        hostname: berth-demo
        environment:
          BERTH_DEMO_USER: ${username}
RULES

cat >"$demo/config.yaml.new" <<CONFIG
# Written by deploy/dev/demo-config.sh for ports and folders of this suite.
ssh:
  listen: 127.0.0.1:$port_ssh
  hostKeyFile: $demo/ssh_host_key
  banner: ""
backend: ${BERTH_DEMO_BACKEND:-sandbox}
sandbox:
  stateDirectory: $demo/sandbox
docker:
  execution:
    container:
      image: berth-test/busybox:latest
      cmd: [/bin/sh]
    shellCommand: [/bin/sh]
    imagePullPolicy: Never
auth:
  password:
    method: webhook
    webhook:
      url: http://127.0.0.1:$port_authd
      authTimeout: 5s
  publicKey:
    method: webhook
    webhook:
      url: http://127.0.0.1:$port_authd
      authTimeout: 5s
configserver:
  url: http://127.0.0.1:$port_configd/config
  retryTimeout: 5s
audit:
  enable: ${BERTH_DEMO_AUDIT:-true}
  format: binary
  storage: file
  file:
    directory: $demo/recordings
  intercept:
    stdin: true
    stdout: true
    stderr: true
  server:
    url: http://127.0.0.1:$port_auditd
metrics:
  enable: true
  listen: 127.0.0.1:$port_scrape
  push:
    url: http://127.0.0.1:$port_metricsd
    interval: 1s
health:
  enable: true
  listen: 127.0.0.1:$port_health
  client:
    url: http://127.0.0.1:$port_health/
gateway:
  admin:
    enable: true
    listen: unix://$admin
log:
  level: info
  format: text
authd:
  listen: 127.0.0.1:$port_authd
  database: $demo/authd.sqlite
  admin:
    listen: unix://$socket
configd:
  listen: 127.0.0.1:$port_configd
  rules:
    - $demo/rules
auditd:
  listen: 127.0.0.1:$port_auditd
  directory: $demo/recordings
metricsd:
  listen: 127.0.0.1:$port_metricsd
CONFIG
mv "$demo/config.yaml.new" "$demo/config.yaml"
