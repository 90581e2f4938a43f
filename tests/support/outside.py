"""Servers of other people, on loopback with real TLS: an authority that issues certificates, hosts that answer.

`Authority` writes its certificate where the setting `fetch_ca_file` can name it. A `Host` serves pages that a test puts
into it, and can be as badly behaved as a test needs: it is given the raw connection.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behaviour = Callable[[ssl.SSLSocket, bytes], None]


class Authority:
    """Issues certificates for the hosts of a test. file: its own certificate, PEM."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the tests")])
        certificate = self._builder(self._name, self._key, ca=True).sign(self._key, hashes.SHA256())
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, *names: str) -> ssl.SSLContext:
        """What a server with a certificate for these names and addresses serves with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file_for(*names))
        return context

    def file_for(self, *names: str) -> Path:
        """A key and a certificate for these names and addresses, in one PEM file."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "host")])
        builder = self._builder(subject, key, ca=False)
        alternatives: list[x509.GeneralName] = []
        for name in names:
            with suppress(ValueError):
                alternatives.append(x509.IPAddress(ip_address(name)))
                continue
            alternatives.append(x509.DNSName(name))
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        file = self._folder / f"{key.private_numbers().private_value:x}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        return file

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


class Host:
    """A TLS server on 127.0.0.1. pages: bodies by path; asked: heads of the requests that came, oldest first.

    behaviour: what to do with a connection instead, given the connection and the request's head.
    connections: how many were opened, TLS or not.
    """

    def __init__(self, authority: Authority, *names: str) -> None:
        self.pages: dict[str, bytes] = {}
        self.asked: list[bytes] = []
        self.behaviour: Behaviour | None = None
        self.connections = 0
        self._context = authority.context(*(names or ("127.0.0.1", "localhost")))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"https://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        # Closing alone does not wake a thread that waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(30)
            with self._context.wrap_socket(connection, server_side=True) as tls:
                head = b""
                while b"\r\n\r\n" not in head:
                    if not (block := tls.recv(4096)):
                        return
                    head += block
                self.asked.append(head)
                (self.behaviour or self._page)(tls, head)

    def _page(self, tls: ssl.SSLSocket, head: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        body = self.pages.get(path)
        tls.sendall(answer(404, b"") if body is None else answer(200, body))


def answer(status: int, body: bytes, *headers: str) -> bytes:
    """An answer as bytes. headers: further lines."""
    lines = [f"HTTP/1.1 {status} Answer", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
