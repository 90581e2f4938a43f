"""The benchmark: the provider as in production, measured on this machine, beside the fastest peer (`make bench`).

    __main__.py   the command           scenarios.py  what one operation of each kind is
    wire.py       sends and receives    oidc.py       a browser and a portal, written with `wire`
    windows.py    measures, repeats     machine.py    processor time and memory of process trees
    product.py    our provider          peer.py, peer/  the certified Node provider
    databases.py  PostgreSQL, SQLite    data/         data sets of any size
    importing.py  `make bench-import`   once.py       commands, start, memory, a rush
    report.py     JSON and a table      plot.py       the picture

The driver is one process that shares the two cores with what it measures, so it is written to cost little: requests
are bytes made once where they can be, and its own processor time is reported. docs/performance.md has the figures.
"""
