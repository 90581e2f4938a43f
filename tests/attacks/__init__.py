"""The known attacks on a sign-in, by the number of each case, against the running provider over HTTP.

`catalogue.py` names the cases; a test says which of them it is by `@attack("F1")`, wherever in tests/ it stands. At the
end of a run a table tells each case with its tests (`table.py`). A case that cannot apply says why in the catalogue;
`test_catalogue.py` fails for a case that is in neither.
"""

import pytest


def attack(*cases: str) -> pytest.MarkDecorator:
    """Say that a test is these cases of the catalogue."""
    return pytest.mark.attack(*cases)
