"""Static files: kept for a year by who asked for the content that there is, and by nobody else."""

from __future__ import annotations

import re

from tests.support.world import HTTP, World


def test_a_file_is_kept_for_ever_only_under_the_address_of_its_content(world: World) -> None:
    """During an upgrade the page of one version may ask the other version for its style sheet."""
    page = HTTP.get(f"{world.base}/help").text
    address = re.search(r'href="(/static/site\.css\?v=\w+)"', page)
    assert address is not None

    assert "immutable" in HTTP.get(f"{world.base}{address[1]}").headers["cache-control"]
    for other in ("/static/site.css", "/static/site.css?v=000000000000"):
        answer = HTTP.get(f"{world.base}{other}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    assert HTTP.get(f"{world.base}/static/none.css?v=1").status_code == 404


def test_a_file_that_is_still_the_same_is_not_sent_again(world: World) -> None:
    for path in ("/static/site.css", "/favicon.ico"):
        known = HTTP.get(f"{world.base}{path}").headers["etag"]

        answer = HTTP.get(f"{world.base}{path}", headers={"If-None-Match": known})

        assert (answer.status_code, answer.content) == (304, b"")
