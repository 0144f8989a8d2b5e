#!/bin/sh
# Creates, once, one database and one owner for Cerbère and one for PIAG: neither can read the other's.
# Run by the PostgreSQL image when its data directory is empty; the passwords come from the two URLs.
set -eu

create() {
    password=$(sed -E 's#^[a-z]+://[^:]+:([^@]+)@.*#\1#' "/run/secrets/$1_database_url")
    psql --quiet --no-psqlrc --username "$POSTGRES_USER" --dbname postgres \
        --set ON_ERROR_STOP=1 --set name="$1" --set password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

create cerbere
create piag
