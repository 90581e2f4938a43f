#!/bin/sh
# Chromium drives the pages in tests, PostgreSQL is the second database, npm fetches the browser library that signs in as a
# relying party, nginx is in front of the deployed service, Valkey or Redis is what workers share, systemd judges its units. Installs what is missing with Debian's
# package manager when it may, and says in one sentence what it could not do; the tests then skip, except where CI is set.
missing=""
command -v chromium >/dev/null 2>&1 || missing="chromium"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
[ -x /usr/sbin/nginx ] || command -v nginx >/dev/null 2>&1 || missing="$missing nginx-light"
if ! command -v valkey-server >/dev/null 2>&1 && ! command -v redis-server >/dev/null 2>&1; then
  # Debian has the first from its version 13 on, the second before.
  missing="$missing $(apt-cache show valkey-server >/dev/null 2>&1 && echo valkey-server || echo redis-server)"
fi
command -v systemd-analyze >/dev/null 2>&1 || missing="$missing systemd"
[ -z "$missing" ] && exit 0
become=""
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then become="sudo -n"; else become="false"; fi
fi
if command -v apt-get >/dev/null 2>&1 && [ "$become" != "false" ]; then
  echo "Installing for the tests:$missing" | tr -s ' '
  if $become apt-get update -qq >/dev/null 2>&1 \
    && DEBIAN_FRONTEND=noninteractive $become apt-get install -y -qq --no-install-recommends $missing fonts-dejavu-core >/dev/null 2>&1; then
    exit 0
  fi
fi
echo "Could not install$missing: tests that need them are skipped; install them with the system's package manager." | tr -s ' '
