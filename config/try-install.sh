#!/bin/sh
# Tries what docs/operating.md says about installing: on a Debian that has nothing, in a folder outside of the sources, the two
# commands, and then a sign-in page through nginx. As root; needs debootstrap. ROOT=folder keeps one for another try.
set -eu
sources=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
command -v debootstrap >/dev/null || { echo "debootstrap is needed: apt-get install debootstrap"; exit 1; }
root=${ROOT:-$(mktemp -d)}
mkdir -p "$root" && chmod 755 "$root"  # the service is not root, and cannot go through a root folder that is closed to others
suite=${SUITE:-bookworm}
[ -x "$root/bin/sh" ] || debootstrap --variant=minbase "$suite" "$root" > "$root.log" 2>&1 || { tail "$root.log"; exit 1; }

# How this machine reaches its registries is the machine's business, and is copied, never written here.
for place in /etc/apt /etc/pip.conf /etc/resolv.conf /etc/hosts /etc/ssl/certs /usr/local/share/ca-certificates; do
  [ ! -e "$place" ] || { mkdir -p "$root$(dirname "$place")"; cp -aL "$place" "$root$(dirname "$place")/" 2>/dev/null || true; }
done
for file in "${SSL_CERT_FILE:-}" "${PIP_CERT:-}"; do
  [ ! -f "$file" ] || { mkdir -p "$root$(dirname "$file")"; cp -L "$file" "$root$file"; }
done
rm -rf "$root/opt/idp" && mkdir -p "$root/opt/idp"
git -C "$sources" archive HEAD | tar -x -C "$root/opt/idp"

inside() { chroot "$root" env -u PIP_FIND_LINKS DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }
# Nothing of this machine is mounted there that a later `rm -rf` of the folder could take with it: debootstrap made the
# few devices that are needed, and a proc of its own holds no files.
mount -t proc proc "$root/proc"
clean() {
  [ -z "${service:-}" ] || { kill "$service" && wait "$service"; } 2>/dev/null || true
  [ ! -s "$root/run/nginx.pid" ] || kill "$(cat "$root/run/nginx.pid")" 2>/dev/null || true
  umount -l "$root/proc" 2>/dev/null || true
}
trap clean EXIT

inside apt-get update -qq
echo "1. apt-get install"
inside apt-get install -y -qq --no-install-recommends python3-venv nginx-light openssl >/dev/null
echo "2. config/install.sh"
inside sh /opt/idp/config/install.sh localhost

echo "3. a page through nginx"
# Ports above 1023 where this machine's own are in use; nothing else is changed.
inside sed -i -e 's/listen 443/listen 127.0.0.1:18443/' -e 's/listen 80/listen 127.0.0.1:18080/' -e 's/127.0.0.1:8000/127.0.0.1:18000/' /etc/nginx/idp.conf
# Each of these becomes the next, so that the number kept is the service's own; a function would keep a shell in between.
IDP_SECRET_KEY=$(cat "$root/etc/idp/secret-key") IDP_DATABASE_URL=$(cat "$root/etc/idp/database-url") IDP_ENVIRONMENT=production \
  chroot "$root" setpriv --reuid idp --regid idp --clear-groups \
  env -C /opt/idp LC_ALL=C.UTF-8 IDP_BIND_PORT=18000 IDP_METRICS_BIND= .venv/bin/idp serve &
service=$!
inside nginx
python3 - <<'PROBE'
import ssl, time, urllib.error, urllib.request
context = ssl._create_unverified_context()
for attempt in range(120):
    try:
        page = urllib.request.urlopen("https://localhost:18443/help", context=context, timeout=10).read().decode()
        break
    except OSError as error:
        last = error
        time.sleep(0.5)
else:
    raise SystemExit(f"no page: {last}")
assert "Mon compte immobilier" in page and 'lang="fr"' in page
document = urllib.request.urlopen("https://localhost:18443/.well-known/openid-configuration", context=context).read()
assert b'"issuer":"https://localhost"' in document, document[:200]
try:
    urllib.request.urlopen("https://localhost:18443/login", data=b"x" * 70_000, context=context)
except urllib.error.HTTPError as refused:
    assert refused.code == 413
    assert "GEN-04" in refused.read().decode(), "nginx may not read its own pages"
PROBE
echo "installed in $root, and it answers"
