#!/usr/bin/env bash
# Makes the certificates with which the processes prove to each other who they are: a private
# authority, and a key and certificate for each process under the name of its service.
#
#   certificates.sh [FOLDER]   FOLDER is deploy/compose/tls unless given
#
# What exists stays: remove FOLDER/NAME.pem and run it again for a new certificate of one process.
# The processes in their containers are users that this machine does not know, so their keys can be
# read by everybody who gets into FOLDER, and only its owner does.
set -euo pipefail
folder=${1:-$(dirname "${BASH_SOURCE[0]}")/tls}
days=${BERTH_CERTIFICATE_DAYS:-397}
umask 077
mkdir -p "$folder"
cd "$folder"

new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

if [[ ! -f ca.pem ]]; then
    new_key ca.key
    openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj '/CN=Berth internal authority' \
        -addext basicConstraints=critical,CA:true,pathlen:0 \
        -addext keyUsage=critical,keyCertSign,cRLSign -out ca.pem
fi

for name in gateway authd configd auditd metricsd; do
    [[ ! -f $name.pem ]] || continue
    new_key "$name.key"
    openssl req -new -key "$name.key" -subj "/CN=$name" -out "$name.csr"
    # Other processes call it by its name, its own health check by the loopback.
    openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -sha256 -days "$days" \
        -set_serial "0x$(openssl rand -hex 16)" -out "$name.new" -extfile /dev/stdin 2>/dev/null <<EXTENSIONS
basicConstraints=critical,CA:false
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=DNS:$name,DNS:localhost,IP:127.0.0.1
EXTENSIONS
    rm "$name.csr"
    chmod 644 "$name.key"
    mv "$name.new" "$name.pem"
done
chmod 644 -- *.pem
