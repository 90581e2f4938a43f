"""`python -m tests.migrations URL FOLDER`: an upgrade in a process of its own, which a test can kill."""

from __future__ import annotations

import sys
from pathlib import Path

from idp import migrations
from idp.database_app import create_database_app
from idp.settings import Settings

if __name__ == "__main__":
    app = create_database_app(Settings.model_validate({"database_url": sys.argv[1]}))
    migrations.upgrade(app, versions=Path(sys.argv[2]))
