"""What happens when something dies, hangs, fills up or lies: every fault by its number, each with what must still hold.

`catalogue.py` names them, `table.py` says at the end of a run which were tried and what came of it. Tests elsewhere
take part by the same mark: `@fault("X9")`.
"""
