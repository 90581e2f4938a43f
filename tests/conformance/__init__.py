"""The OpenID Foundation's conformance plans, written anew in Python: one test for each module of each plan.

    make conformance        our provider, every plan
    make conformance-peer   the certified npm package oidc-provider: what fails there is the test's fault

`plans.py` says which modules a plan has, `modules/` what a module does, `suite/conditions/` what is demanded, each with
its clause. Names are the official suite's own, so that a line here and a line of its log can be laid side by side. What
the official suite would warn of counts as a failure. It is a client: nothing of the product is imported except by
`targets/ours.py`, which starts it.
"""
