"""What a mail server's answer means for the mail and for others to its domain."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from itertools import pairwise

import pytest

from idp.mail import rules
from idp.mail.rules import Verdict


def to_recipient(code: int, text: str) -> Verdict:
    return rules.verdict(smtplib.SMTPRecipientsRefused({"lea@exemple.org": (code, text.encode())}))


def to_body(code: int, text: str) -> Verdict:
    return rules.verdict(smtplib.SMTPDataError(code, text))


@pytest.mark.parametrize("said", [to_recipient, to_body])
def test_five_hundreds_are_final_and_say_nothing_about_the_domain(said) -> None:  # type: ignore[no-untyped-def]
    assert said(550, "5.1.1 no such user") == Verdict("550 5.1.1 no such user", final=True)


@pytest.mark.parametrize("said", [to_recipient, to_body])
@pytest.mark.parametrize("code", [450, 451, 452])
def test_four_hundreds_count_for_the_domain_and_pause_it_when_they_come_in_a_row(said, code: int) -> None:  # type: ignore[no-untyped-def]
    found = said(code, "4.7.1 greylisted")

    assert not found.final
    assert [rules.pauses(found, failures) for failures in (1, 2, 3, 4)] == [False, False, True, True]


def test_a_service_that_is_going_away_pauses_its_domain_at_once() -> None:
    assert rules.pauses(to_recipient(421, "4.3.2 closing"), 1)


@pytest.mark.parametrize("answer", ["4.2.2 mailbox full", "4.2.1 mailbox disabled"])
def test_one_mailbox_never_holds_up_its_domain(answer: str) -> None:
    """Else whoever fills a mailbox, and asks for mails to it, delays everybody who is with the same provider."""
    assert not rules.pauses(to_recipient(452, answer), 99)


def test_our_own_address_being_refused_is_nobody_elses_fault() -> None:
    found = rules.verdict(smtplib.SMTPSenderRefused(550, b"5.7.1 not allowed", "we@exemple.fr"))

    assert found == Verdict("550 5.7.1 not allowed")


def test_silence_pauses_at_once_and_a_broken_connection_when_it_happens_again() -> None:
    silence = smtplib.SMTPServerDisconnected("timed out")
    silence.__context__ = TimeoutError()

    assert rules.pauses(rules.verdict(silence), 1)
    assert rules.pauses(rules.verdict(TimeoutError()), 1)
    broken = rules.verdict(smtplib.SMTPServerDisconnected("Connection unexpectedly closed"))
    assert [rules.pauses(broken, failures) for failures in (1, 3)] == [False, True]


def test_delays_grow_and_are_spread() -> None:
    whole = [rules.delay(attempts, spread=0) for attempts in range(1, 12)]

    assert whole[0] == timedelta(minutes=1)
    assert all(earlier <= later for earlier, later in pairwise(whole))
    assert whole[-1] == timedelta(hours=4)
    assert rules.delay(1, spread=-1) == timedelta(seconds=48)
    assert rules.delay(1, spread=1) == timedelta(seconds=72)


def test_a_domain_is_looked_at_again_within_forty_minutes_and_the_mail_server_within_half_a_minute() -> None:
    assert [rules.pause(n, spread=0) / timedelta(minutes=1) for n in (1, 3, 4, 5, 6, 7, 99)] == [1, 1, 2, 5, 15, 30, 30]
    assert max(rules.away(n, spread=1) for n in range(1, 50)) <= timedelta(seconds=30)


def test_an_answer_of_many_lines_is_one() -> None:
    assert to_body(554, "no\r\nSubject: evil\x00").answer == "554 no Subject: evil"
