"""Epochs of the database, and the question that every program asks when it starts: is this the database that it was?

Apart from the rest of a restore, whose tables and rules are half of the provider: a command that lists something asks too.
"""
