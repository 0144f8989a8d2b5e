#!/bin/sh
# Makes the secrets of docker-compose.yml that do not exist yet, in ./secrets: `sh docs/deploy/make-secrets.sh`.
#
# The directory is closed to other accounts; the files in it are readable because each container, under an
# account of its own, is given only those that it needs. Made by hand: tls_certificate, tls_key,
# melotp_database_url, and piag_client_secret, which `register_client` prints (docs/operations.md).
set -eu
umask 022
mkdir -p -m 0700 secrets

keep() {  # NAME COMMAND…: what the command prints becomes the secret, unless there is one
    name=$1
    shift
    [ -s "secrets/$name" ] || "$@" > "secrets/$name"
}

random() { openssl rand -hex 32; }
database() { echo "postgresql://$1:$(random)@postgres:5432/$1"; }
seed_key() { echo "$(date +%Y%m):$(openssl rand -base64 32)"; }

keep postgres_password random
keep cerbere_database_url database cerbere
keep piag_database_url database piag
keep cerbere_secret_key random
keep piag_secret_key random
keep cerbere_seed_keys seed_key
mkdir -p secrets/signing
keep signing/keys openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:3072
