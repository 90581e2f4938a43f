"""A person's data as a whole: closing an account, handing out all that is held, erasing it (RGPD articles 15 to 20).

`holdings/` is the one list of what every table holds about people: the export reads it, the erasure follows it, and a
test compares it with the schema, so that a new table or column cannot be forgotten. docs/personal-data.md says it in
words.
"""
