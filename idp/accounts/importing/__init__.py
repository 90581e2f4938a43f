"""Import: an agency's export becomes provisional accounts, line by line, as often as wanted (design section 11).

    reading.py    file -> records, each with its line number and what is wrong with it   profile.py  what columns mean
    cleaning.py   record -> person, or why not; pure                                      sentences.py the French words
    run.py        batches: look up, hash, write, letters; what happened to each line      seen.py     repeated lines
    store.py      the SQL      letters.py  the file of generated passwords      report.py  counts and the report file

A person's credentials are made once, by the first line that names an identifier; later imports only change what the
agency knows about the person. The command is `idp accounts import` (docs/cli.md).
"""
