"""What is made for a million lines at once is what was made for each: ids, rows of CSV."""

from __future__ import annotations

import csv
import io
import time
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from idp.accounts.importing import spreadsheet
from idp.deps import time_ordered_ids


def test_ids_made_at_once_are_those_of_rfc_9562_and_each_another() -> None:
    before = time.time_ns() // 1_000_000
    ids = time_ordered_ids(3000)
    after = time.time_ns() // 1_000_000
    assert len(set(ids)) == 3000
    for id_ in ids:
        assert (UUID(id_).version, UUID(id_).hex) == (7, id_)
        assert before <= int(id_[:12], 16) <= after
    assert {id_[16] for id_ in ids} == set("89ab")
    assert time_ordered_ids(0) == []


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(';"\r\n =')), min_size=2))
def test_a_row_of_the_letters_file_is_the_one_that_the_csv_module_writes(cells: list[str]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=";", lineterminator="\r\n").writerow(cells)
    assert spreadsheet.row(cells) == written.getvalue()
