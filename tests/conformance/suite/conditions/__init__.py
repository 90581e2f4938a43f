"""Conditions: one demand a function, named as the official suite names it. A MUST is called; a SHOULD is `run.should`."""
