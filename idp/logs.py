"""Logs: one JSON object a line on stderr, for a collector; never a secret, an address or a name.

Messages are constant texts and everything variable is a field, so that a value from outside cannot forge a line
(ASVS 16.4.1). Fields are what code passes as `extra`.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from idp import correlation

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """`at` (UTC), `level`, `logger`, `message`, `request` (its correlation id), extra fields, `failure` (a traceback)."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request := correlation.current()) != "":
            line["request"] = request
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["failure"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: str) -> None:
    """Log as JSON lines to stderr, from this level on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
