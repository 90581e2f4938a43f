"""Data sets of any size: agencies with their portals, letters, people, live sign-ins, grants and refresh tokens.

    rows.py   the rows of each table, one after the other, from nothing but their number
    load.py   into a database: COPY on PostgreSQL, many at a time on SQLite

Everything follows from the number of a person, so the driver knows each one's address and each live refresh token
without reading the database. Ten million people are 28 GB on PostgreSQL.
"""
