"""`python -m tests.bench.documents`: discovery and keys as deployed, behind nginx, beside glewlwyd, which is written in C.

Needs nginx, wrk and glewlwyd (Debian has all three). nginx runs with config/nginx but for TLS, which glewlwyd has not
either. Windows alternate; the table has the median of each.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.bench import product
from tests.bench.databases import SQLite
from tests.support.nginx import Nginx
from tests.support.ports import free_port

_SCHEMA = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
_CONFIGURATION = """
port={port}
bind_address="127.0.0.1"
external_url="http://localhost:{port}/"
api_prefix="api"
log_mode="console"
log_level="NONE"
cookie_same_site="empty"
session_expiration=86400
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database = {{ type="sqlite3" path="{folder}/glewlwyd.db" }}
"""
# Document: path at ours, path at glewlwyd's.
DOCUMENTS = {
    "discovery": ("/.well-known/openid-configuration", "/api/oidc/.well-known/openid-configuration"),
    "JWKS": ("/oauth/jwks", "/api/oidc/jwks"),
}


@contextmanager
def _ours(folder: Path) -> Iterator[str]:
    database = SQLite()
    url = database.create(product.DATABASE)
    product.prepare(url, 10)
    running = product.start(url)
    (folder / "nginx").mkdir()
    nginx = Nginx(folder / "nginx", running.port, changed={" ssl http2": ""})
    try:
        yield f"http://127.0.0.1:{nginx.port}"
    finally:
        nginx.stop()
        running.stop()
        database.stop()


@contextmanager
def _glewlwyd(folder: Path) -> Iterator[str]:
    port = free_port()
    subprocess.run(["sqlite3", folder / "glewlwyd.db"], input=_SCHEMA.read_bytes(), check=True)
    configuration = folder / "glewlwyd.conf"
    configuration.write_text(_CONFIGURATION.format(port=port, folder=folder), encoding="utf-8")
    process = subprocess.Popen(["glewlwyd", f"--config-file={configuration}"], stdout=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}"
    try:
        product.answers(f"{base}/config", process)
        _add_oidc(base)
        yield base
    finally:
        process.terminate()
        process.wait(30)


def _add_oidc(base: str) -> None:
    """An instance of its OpenID Connect plugin, with an RSA key, as an administrator makes one."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    kept = ""
    for path, body in (
        ("/api/auth/", {"username": "admin", "password": "password"}),
        (
            "/api/mod/plugin/",
            {
                "module": "oidc",
                "name": "oidc",
                "display_name": "oidc",
                "parameters": {
                    "iss": base,
                    "jwt-type": "rsa",
                    "jwt-key-size": "256",
                    "key": private,
                    "cert": public,
                    "access-token-duration": 3600,
                    "refresh-token-duration": 1209600,
                    "code-duration": 600,
                    "refresh-token-rolling": True,
                    "allow-non-oidc": True,
                    "auth-type-code-enabled": True,
                    "auth-type-client-enabled": True,
                    "auth-type-refresh-enabled": True,
                    "scope": [],
                    "additional-parameters": [],
                    "claims": [],
                },
            },
        ),
    ):
        headers = {"Content-Type": "application/json", "Cookie": kept}
        answer = urlopen(Request(base + path, json.dumps(body).encode(), headers))
        kept = "; ".join(one.partition(";")[0] for one in answer.headers.get_all("Set-Cookie", [])) or kept


def _rate(url: str, seconds: int) -> float:
    """Answers a second. Raises RuntimeError when one was no 200."""
    said = subprocess.run(
        ["wrk", "-t1", "-c16", f"-d{seconds}s", "-H", "Host: localhost", url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found is not None
    return float(found[1])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.documents", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    missing = [name for name in ("wrk", "glewlwyd", "sqlite3") if shutil.which(name) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="idp-bench-") as name:
        folder = Path(name)
        with _ours(folder) as ours, _glewlwyd(folder) as theirs:
            print("| document | ours behind nginx, a second | glewlwyd | times |")
            print("| --- | --- | --- | --- |")
            for document, (path, their_path) in DOCUMENTS.items():
                rates: tuple[list[float], list[float]] = [], []
                for _ in range(options.repeat):
                    rates[0].append(_rate(ours + path, options.seconds))
                    rates[1].append(_rate(theirs + their_path, options.seconds))
                mine, other = (statistics.median(one) for one in rates)
                print(f"| {document} | {mine:,.0f} | {other:,.0f} | {mine / other:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
