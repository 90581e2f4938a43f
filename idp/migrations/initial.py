"""Writing `0001_initial.py` anew from the models: `python -m idp.migrations.initial`.

Only until the first release, while tables still move and no database has to be kept; afterwards every change is a
step of its own, and this module goes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from idp.app import create_database_app
from idp.database import db
from idp.migrations import HERE
from idp.settings import Settings

TARGET = HERE / "versions" / "0001_initial.py"


def write() -> None:
    """Compare the models with an empty database and keep the difference as the only step."""
    for old in (HERE / "versions").glob("[0-9]*.py"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        app = create_database_app(Settings.model_validate({"database_url": f"sqlite:///{folder}/empty.sqlite"}))
        config = Config(HERE / "alembic.ini")
        with app.app_context(), db.engine.connect() as connection:
            config.attributes["connection"] = connection
            command.revision(config, "initial", autogenerate=True, rev_id="0001")
            db.engine.dispose()
    text = re.sub(r"\n *# ### .*###", "", TARGET.read_text(encoding="utf-8"))
    text = text.replace('"""initial.', '"""The schema of the first release.')
    TARGET.write_text(text, encoding="utf-8")
    ruff = Path(sys.executable).with_name("ruff")
    for arguments in (["format", "--quiet"], ["check", "--select", "I", "--fix", "--quiet"]):
        subprocess.run([ruff, *arguments, TARGET], check=False)  # noqa: S603 - our own tool, fixed arguments


if __name__ == "__main__":
    write()
