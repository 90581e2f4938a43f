"""After a restore: what the backup does not know was used, ended or withdrawn must not live again.

A backup is the past. Since it was made, people have used links, ended sign-ins, withdrawn consents; put back, all of
that would work once more, for whoever kept it. `idp db restored` begins a new epoch: everything that could be used once
more is void, people sign in again, nothing else is lost. It costs requests nothing, since rows say what is void.

Writes `epochs`. A database that was put back elsewhere is recognised when a program starts, and refused until then.
"""
