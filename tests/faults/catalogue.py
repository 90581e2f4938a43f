"""The faults, in our words, by number, each with the invariants that must hold while it lasts and after it.

    @fault("X9")
    def test_...

says that a test is this fault; `tests/faults/table.py` prints what came of each.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

fault = pytest.mark.fault

INVARIANTS: dict[str, str] = {
    "I1": "a code yields one token answer at most",
    "I2": "a refresh token has one distinct successor at most; a retry within the grace stays in the same family",
    "I3": "a link is consumed at most once, and never by halves",
    "I4": "a merge is all or nothing: each contract in one account, one audit event, the survivor's sub unchanged",
    "I5": "what was acknowledged is never lost",
    "I6": "a failure is a 503 that says when to come back, never a trace and never a success",
    "I7": "nothing opens because something else is away",
    "I8": "each mail that is due is sent at least once, twice at most after a crash, with the same link",
    "I9": "what was signed before an event verifies after it",
    "I10": "no secret in logs, mails or dumps",
    "I11": "no connection, descriptor or memory is leaked",
    "I12": "within 30 s after the fault, without a human act, all is well again",
}


class Fault(NamedTuple):
    words: str
    invariants: str


FAULTS: dict[str, Fault] = {
    "X1": Fault("killed at each step of a merge", "I4 I5"),
    "X2": Fault("workers killed at random under mixed load", "I1 I2 I3 I4 I5 I11"),
    "X3": Fault("the master of the workers killed", "I5 I12"),
    "X4": Fault("the database restarted at once while codes are exchanged", "I1 I5 I6 I12"),
    "X5": Fault("the database failing over to its standby", "I1 I5"),
    "X6": Fault("the database slow, or silent", "I6 I12"),
    "X7": Fault("no connection of the database left", "I6 I12"),
    "X8": Fault("serialization failures and deadlocks", "I4 I6"),
    "X9": Fault("the mail server away", "I5 I8"),
    "X10": Fault("the mail server slow", "I8"),
    "X11": Fault("the mail server refusing, for now or for good, or hanging up", "I8"),
    "X12": Fault("the shared memory of limits away or emptied", "I7"),
    "X13": Fault("the disk full", "I5 I6 I12"),
    "X14": Fault("logs that cannot be written", "I5 I6"),
    "X15": Fault("the clock jumping", "I3"),
    "X16": Fault("a code raced for", "I1"),
    "X17": Fault("a refresh token raced for", "I2"),
    "X18": Fault("the answer lost after a refresh", "I2"),
    "X19": Fault("a reset link raced for", "I3"),
    "X20": Fault("a letter, or an address, raced for", "I3 I4"),
    "X21": Fault("merges raced against merges, erasures and resets", "I4"),
    "X22": Fault("10,000 connections", "I6 I11"),
    "X23": Fault("slow senders and slow readers", "I6 I11"),
    "X24": Fault("a rush of sign-ins", "I6"),
    "X25": Fault("signing keys rotated under load", "I9"),
    "X26": Fault("a key that cannot be read at start", "I7"),
    "X27": Fault("a migration under load, two versions side by side", "I6"),
    "X28": Fault("a migration killed in the middle", "I12"),
    "X29": Fault("a backup taken under load, restored", "I1 I3 I4"),
    "X30": Fault("everything restarted after a revocation", "I2"),
    "X31": Fault("a worker stopped in the middle of a merge or a hash", "I4"),
    "X32": Fault("many hashes in little memory", "I6 I11"),
    "X33": Fault("the holder of a lease paused", "I8"),
    "X34": Fault("reloads under load", "I6"),
    "X35": Fault("a portal that cannot be reached for its notice of logout", "I6"),
    "X36": Fault("garbage in rows", "I6"),
    "X37": Fault("a long mixed load", "I11"),
    "X38": Fault("the cleaner racing against use", "I2"),
    "X39": Fault("another language and time zone of the host", "I5"),
    "X40": Fault("an invalid setting at restart", "I7"),
}

# Said in the table where no test was run; whoever writes the test takes the line away.
WITHOUT_A_TEST: dict[str, str] = {}
