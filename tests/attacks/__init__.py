"""The known attacks on a sign-in, by the number of each case, against the running provider over HTTP.

`catalogue.py` names the cases; a test says which of them it is by `@attack("F1")`, wherever in tests/ it stands. At the
end of a run a table tells each case with its tests (`table.py`). A case that cannot apply says why in the catalogue;
`test_catalogue.py` fails for a case that is in neither.

`make attacks` sends them to the started service behind nginx, `make test` only those of BEHIND_NGINX, and all of them to
the provider in the test's own process. What must look inside that process says so by `@inside`, and the table tells.
"""

import pytest


def attack(*cases: str) -> pytest.MarkDecorator:
    """Say that a test is these cases of the catalogue."""
    return pytest.mark.attack(*cases)


def inside(why: str) -> pytest.MarkDecorator:
    """Say that a test looks at what no client of the started service could see: its memory, its statements, its parts."""
    return pytest.mark.inside(why)
