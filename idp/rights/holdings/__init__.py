"""What every table holds about people: `catalogue.py` lists it, in the words of `kinds.py`, with the rows of `store.py`."""
