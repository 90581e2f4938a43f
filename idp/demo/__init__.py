"""`idp demo`: the whole service on one machine, with agencies, letters, portals and a mailbox, to try and to test.

    world.py    the two customers, their three agencies and portals; which letters show what
    folder.py   what is kept in ./.demo between two runs: secrets, the letters, the database
    prepare.py  makes the database and fills it, through the same stores and import as an operator would
    mailbox.py  a mail server that delivers nothing and shows everything
    run.py      starts the parts on loopback ports, watches them, ends them    told.py  what is said at the terminal

Everything listens on 127.0.0.1 only. Nothing of a real installation is read: variables `IDP_…` are not passed on.
"""
