"""Import: an agency's export becomes provisional accounts, line by line, as often as wanted (design section 11).

    reading.py   file -> records, each with its line    profile.py    what columns and values mean (config/imports)
    lines.py     bytes -> lines                         sentences.py  the French words of the report
    cells.py     cells on one line, tidy
    cleaning.py  record -> person, or why not; pure     writer.py     writes while the next batch is read
    sorting.py   agency known? identifier repeated?     seen.py       the identifiers that the file had already
    run.py       batches: look up, hash, write, tell    store.py      the SQL
    letters.py   the file of generated passwords        outcome.py    what happened to a line; counts

A person's credentials are made once, by the first line that names an identifier; later imports only change what the
agency knows about the person. The command is `idp accounts import` (docs/cli.md).
"""
