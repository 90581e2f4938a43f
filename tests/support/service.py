"""`idp serve`, its clock read from a file: python -W error -m tests.support.service FILE serve …

The one difference from `python -m idp` is the `now` of its dependencies, the argument that every step takes: the service as
it is released has no way to move its clock, and libfaketime (0.9.10) breaks the sleeping of the processes it is put under.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from idp import app, wsgi
from idp.__main__ import main


def moved(file: Path) -> datetime:
    """Now, plus the seconds that the file says."""
    return datetime.now(UTC) + timedelta(seconds=float(file.read_text()))


if __name__ == "__main__":
    wsgi.make_deps = partial(app.make_deps, now=partial(moved, Path(sys.argv.pop(1))))
    main()
