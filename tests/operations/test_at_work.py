"""Which database a thread is at work on: its own, for as long as it says so, and one transaction at a time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from idp.app import create_app
from idp.database import AtWork, at_once, db, reading, transaction
from idp.database_app import create_database_app
from idp.engine import connect
from idp.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.of({"database_url": f"sqlite:///{tmp_path / 'one.sqlite'}"})


def test_a_thread_that_is_at_work_on_no_database_has_none(settings: Settings) -> None:
    engine, found = connect(settings), list[str]()

    def other() -> None:
        try:
            found.append(str(db.engine))
        except LookupError:
            found.append("none")

    with AtWork(engine):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    assert found == ["none"]
    with pytest.raises(LookupError):
        _ = db.engine
    engine.dispose()


def test_who_is_put_to_work_on_another_database_comes_back_to_the_first(settings: Settings, tmp_path: Path) -> None:
    one, other = connect(settings), connect(Settings.of({"database_url": f"sqlite:///{tmp_path / 'other.sqlite'}"}))

    with AtWork(one), transaction():
        with AtWork(other):
            assert db.engine is other
            with reading():
                pass  # the transaction outside is another work's
        assert db.engine is one

    one.dispose()
    other.dispose()


def test_transactions_do_not_nest_and_follow_each_other(settings: Settings) -> None:
    engine = connect(settings)

    with AtWork(engine):
        for _ in range(2):
            with reading(), pytest.raises(RuntimeError, match="do not nest"), transaction():
                pass
        with pytest.raises(KeyError), transaction():
            raise KeyError
        with transaction(), at_once():
            pass  # connections of the hot paths are no transaction

    engine.dispose()


def test_flasks_context_is_work_on_the_providers_database_also_when_entered_twice(settings: Settings) -> None:
    app = create_app(settings)
    context = app.app_context()

    with context:
        first = db.engine
        with context:
            assert db.engine is first
        assert db.engine is first
        with create_database_app(settings).app_context():
            assert db.engine is not first
            db.engine.dispose()
        assert db.engine is first
        first.dispose()

    with pytest.raises(LookupError):
        _ = db.engine


def test_a_relative_file_is_of_the_folder_that_the_program_was_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = connect(Settings.of({"database_url": "sqlite:///here.sqlite"}))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    with engine.connect():
        pass

    engine.dispose()
    assert (tmp_path / "here.sqlite").exists()
