"""Whether what is stored fits together: `idp doctor --db`, after a restore or whenever somebody doubts.

Constraints of the database hold at every commit; these rules are what no constraint can say, because it is about
several tables. A broken one is never mended by itself: a sentence and the rows are told.
"""
