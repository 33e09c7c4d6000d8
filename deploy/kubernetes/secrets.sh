#!/usr/bin/env bash
# Makes the secrets that the manifests name: a private authority, a certificate for each process,
# and the host key. Prints them as manifests: secrets.sh | kubectl apply -f -
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj "/CN=berth" -keyout ca.key -out ca.crt \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null

secret() { # NAME KEY FILE ...
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: berth\ndata:\n' "$1"
    shift
    while (($#)); do
        printf '  %s: %s\n' "$1" "$(base64 -w0 <"$2")"
        shift 2
    done
}

for name in gateway authd configd auditd metricsd; do
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj "/CN=$name" -keyout "$name.key" -out "$name.csr" 2>/dev/null
    printf 'subjectAltName=DNS:%s,DNS:%s.berth.svc,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' \
        "$name" "$name" >"$name.ext"
    openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 \
        -extfile "$name.ext" -out "$name.crt" 2>/dev/null
    secret "$name-tls" ca.crt ca.crt tls.crt "$name.crt" tls.key "$name.key"
done

ssh-keygen -q -t ed25519 -N '' -C berth -f host
secret gateway-host ssh_host_ed25519_key host
