"""Agencies apart: whatever is asked with what one agency and its people have tells and changes nothing of another's.

A property, not a list of examples: every route of the application and every verb of the command line stands in a table
(`routes.py`, `verbs.py`), so that a new one without a rule fails; what is asked there is drawn from everything that the
asker may have got hold of, the other agency's ids among it.
"""
