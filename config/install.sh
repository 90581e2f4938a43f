#!/bin/sh
# Installs the service on Debian 12 or newer, from the folder that this file is in, as root; may be run again at any time.
#   apt-get install -y python3-venv nginx-light openssl
#   sh /opt/idp/config/install.sh www.moncompte.example [extras]   (extras: with the libraries for Valkey and OpenTelemetry)
# Nothing that an operator wrote is overwritten: secrets, config/production.toml and the certificate stay as they are.
set -eu
name=${1:?the public name of the service is expected, such as www.moncompte.example}
folder=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$folder"
say() { printf 'install: %s\n' "$*"; }

getent passwd idp >/dev/null || useradd --system --home-dir /var/lib/idp --shell /usr/sbin/nologin idp
install -d -o idp -g idp -m 0750 /var/lib/idp
install -d -o root -g root -m 0700 /etc/idp

say "the program, from pinned and hashed requirements"
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --require-hashes -r "config/requirements/${2:-production}.txt"
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
# The service may write nothing here, so nobody would keep the bytecode, and each start and each command would make it anew.
.venv/bin/python -m compileall -q idp
chmod -R go+rX .

umask 077
[ -s /etc/idp/secret-key ] || head -c 48 /dev/urandom | base64 -w 0 > /etc/idp/secret-key
[ -s /etc/idp/database-url ] || echo 'sqlite:////var/lib/idp/idp.sqlite' > /etc/idp/database-url
[ -s /etc/idp/database-url-purge ] || cp /etc/idp/database-url /etc/idp/database-url-purge
[ -e /etc/idp/smtp-password ] || : > /etc/idp/smtp-password
umask 022
[ -e config/production.toml ] || sed "s/www\.moncompte\.example/$name/" config/production.example.toml > config/production.toml

say "units of systemd, configuration of nginx"
for unit in config/systemd/*; do
  sed "s|/opt/idp|$folder|g" "$unit" > "/etc/systemd/system/$(basename "$unit")"
done
if [ ! -s /etc/ssl/moncompte/fullchain.pem ]; then
  # Lets nginx start; nobody trusts it. Put the real one in its place.
  install -d -m 0700 /etc/ssl/moncompte
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$name" \
    -addext "subjectAltName=DNS:$name" -keyout /etc/ssl/moncompte/privkey.pem -out /etc/ssl/moncompte/fullchain.pem 2>/dev/null
fi
[ -e /etc/nginx/nginx.conf.debian ] || cp /etc/nginx/nginx.conf /etc/nginx/nginx.conf.debian
for file in nginx.conf idp.conf idp-proxy.conf; do
  sed -e "s|/opt/idp|$folder|g" -e "s/www\.moncompte\.example/$name/g" "config/nginx/$file" > "/etc/nginx/$file"
done
install -d /var/cache/nginx
nginx -t -q

say "the database"
as_idp() {
  # The files belong to root; systemd hands them over as credentials, this script by the environment of one command.
  IDP_ENVIRONMENT=production IDP_SECRET_KEY=$(cat /etc/idp/secret-key) IDP_DATABASE_URL=$(cat /etc/idp/database-url) \
    setpriv --reuid idp --regid idp --clear-groups .venv/bin/idp "$@"
}
as_idp config check
as_idp db upgrade

if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl enable --now idp.socket idp-purge.timer idp-audit.timer
  systemctl enable idp.service idp-mail.service
  systemctl restart idp.service idp-mail.service
  systemctl reload-or-restart nginx
else
  say "no systemd runs here: start idp serve, idp mail run and nginx yourself"
fi
say "done. Next: idp terms publish, idp doctor, the certificate in /etc/ssl/moncompte, the mail server in config/production.toml"
