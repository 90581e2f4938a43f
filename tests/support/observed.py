"""`idp …` that writes down whom it asks for: python -W error -m tests.support.observed FILE serve …

A hook of the interpreter (PEP 578) sees each name that is looked up and each connection that is opened, by whatever
library; processes that are forked inherit it. What is opened without Python, by the library of PostgreSQL, it does not see.
"""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address

from idp.__main__ import main

_LOOKS_UP = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_CONNECTS = ("socket.connect", "socket.sendto")


def _is_address(name: object) -> bool:
    """Whether nobody has to be asked for it."""
    try:
        ip_address(str(name))
    except ValueError:
        return False
    return True


def observe(file: str) -> None:
    """Append a line for each name and each address of the Internet."""
    told = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in _LOOKS_UP and not _is_address(arguments[0]):
            os.write(told, f"{arguments[0]}\n".encode())
        elif event in _CONNECTS and isinstance(address := arguments[1], tuple):
            os.write(told, f"{address[0]}:{address[1]}\n".encode())

    sys.addaudithook(hook)


if __name__ == "__main__":
    observe(sys.argv.pop(1))
    main()
