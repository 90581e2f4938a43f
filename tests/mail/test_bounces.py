"""Mails that came back after they had been accepted."""

from __future__ import annotations

from idp.mail import bounces, store
from tests.support.acts import ask_for_account
from tests.support.world import World

REPORT = """From: MAILER-DAEMON@mx.exemple.org
To: ne-pas-repondre@moncompte.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

Your message could not be delivered.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.exemple.org

Final-Recipient: rfc822; rolande@exemple.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 no such mailbox

--B
Content-Type: text/rfc822-headers

Message-ID: <{id}@moncompte.example>
Subject: Confirmez votre adresse email

--B--
"""


def report(mail_id: str, *, action: str = "failed", status: str = "5.1.1") -> bytes:
    return REPORT.format(id=mail_id, action=action, status=status).replace("\n", "\r\n").encode()


def test_a_report_of_a_final_failure_names_the_mail() -> None:
    found = bounces.returned_mail(report("0193f0a4c1d27b7e9a0b5c6d7e8f9a0b"))

    assert found == ("0193f0a4c1d27b7e9a0b5c6d7e8f9a0b", "smtp; 550 5.1.1 no such mailbox")


def test_a_delay_an_answer_and_rubbish_are_no_final_failure() -> None:
    mail_id = "0193f0a4c1d27b7e9a0b5c6d7e8f9a0b"
    assert bounces.returned_mail(report(mail_id, action="delayed", status="4.4.1")) is None
    assert bounces.returned_mail(report(mail_id, action="delivered", status="2.0.0")) is None
    assert bounces.returned_mail(report("")) is None
    assert bounces.returned_mail(b"Subject: Absence\r\n\r\nJe suis en vacances.") is None
    assert bounces.returned_mail(b"\xff\xfe\x00" * 1000) is None
    assert bounces.returned_mail(b"") is None


def test_the_waiting_page_says_that_the_mail_came_back_with_the_way_on(world: World) -> None:
    letter = world.letter()
    person = ask_for_account(world, letter)
    mail = world.mails_to(letter.email)[-1]
    assert "n'a pas pu être remis" not in person.reload().text
    mail_id = str(mail.message["Message-ID"]).strip("<>").partition("@")[0]

    found = bounces.returned_mail(report(mail_id))
    assert found is not None
    with world.transaction() as db:
        assert store.came_back(db, found[0], answer=found[1])
        assert not store.came_back(db, found[0], answer=found[1])

    page = person.reload()
    assert "n'a pas pu être remis" in page.text
    assert person.get(f"{person.page.path}/status").json()["mail"] == "refused"
    assert person.click("Changer d'adresse").path.endswith("/email")
