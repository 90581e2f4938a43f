"""Flask as the provider uses it: whoever is in its context is at work on the provider's database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import Engine

from idp.database import AtWork
from idp.settings import ROOT


class Application(Flask):
    """With a database, and without a question that Flask asks of each view and hook: whether it is a coroutine."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(
            "idp", static_folder=None, template_folder=str(ROOT / "templates"), instance_path=str(Path.cwd())
        )
        self.engine = engine
        self.config["DEBUG"] = False  # whatever FLASK_DEBUG says

    def app_context(self) -> AppContext:
        return _Context(self)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


class _Context(AppContext):
    """Flask's context of a request or of a job. It may be entered again while it is entered."""

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        self._engine = app.engine
        self._at_work: list[AtWork] = []

    def push(self) -> None:
        self._at_work.append(AtWork(self._engine))
        self._at_work[-1].__enter__()
        super().push()

    def pop(self, *error: Any) -> None:
        try:
            super().pop(*error)
        finally:
            self._at_work.pop().__exit__()
