"""Chaos: people who do anything at any moment, by a seed, and rules that hold whatever they did.

A seed makes people with letters and devices, then a script of acts, a line each: tabs, back, reload, double clicks,
lost cookies and answers, days that pass, second devices, mail scanners, restarts, portals that ask in every way. After
each act the page must offer a way on (`rules.py`); at the end everybody sits down patiently (`sense.py`) and must get
into every agency's portal, and the database and the portals are looked at (`invariants.py`).

    make chaos SEEDS=1000 FROM=200     any number of seeds
    make chaos SEEDS=1 FROM=217        one again, with the acts told

Why not Hypothesis' state machines: a seed of theirs names no script (the first examples are always the smallest ones, and
the stream of choices moves when a rule is added), a server behind it makes their replays flaky where ours are exact
because each act has its own random stream, and shrinking a script is thirty lines (`play.py`).
"""
