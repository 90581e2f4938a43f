"""The mailbox of the demonstration: real SMTP in, pages and JSON out."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from idp.demo.mailbox import MOST_MAILS, Mailbox, create_mailbox_pages, smtp_server
from tests.support.ports import free_port


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path)


@pytest.fixture
def smtp_port(mailbox: Mailbox) -> Iterator[int]:
    port = free_port()
    server = smtp_server(mailbox, port)
    server.start()
    yield port
    server.stop()


@pytest.fixture
def pages(mailbox: Mailbox) -> FlaskClient:
    return create_mailbox_pages(mailbox).test_client()


def a_mail(
    subject: str = "Confirmez votre adresse", *, html: str = "<p>Bonjour</p>", to: str = "lea@mail.exemple"
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Agence du Capitole <ne-pas-repondre@moncompte.example>"
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = "Mon, 23 Nov 2026 10:00:00 +0000"
    mail.set_content("Bonjour,\n\nCliquez ici : https://www.moncompte.example/a?b=1&c=2.\n")
    mail.add_alternative(html, subtype="html")
    return mail


def send(port: int, *mails: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port) as server:
        for mail in mails:
            server.send_message(mail)


def test_mails_are_told_as_json_newest_first(smtp_port: int, pages: FlaskClient) -> None:
    send(smtp_port, a_mail("Première"), a_mail("Deuxième – été", to="zoé <zoe@mail.exemple>"))
    told = pages.get("/messages").get_json()
    assert [one["subject"] for one in told] == ["Deuxième – été", "Première"]
    assert told[0]["to"] == ["zoe@mail.exemple"]
    assert told[0]["text"].startswith("Bonjour,")
    assert told[0]["html"].strip() == "<p>Bonjour</p>"
    assert [one["subject"] for one in pages.get("/messages?to=LEA@mail.exemple").get_json()] == ["Première"]


def test_addresses_in_the_text_can_be_clicked_and_end_before_the_full_stop(smtp_port: int, pages: FlaskClient) -> None:
    send(smtp_port, a_mail())
    page = pages.get("/1").text
    assert '<a href="https://www.moncompte.example/a?b=1&amp;c=2" target="_blank"' in page
    assert "c=2</a>." in page


def test_a_hostile_mail_cannot_do_anything(smtp_port: int, pages: FlaskClient) -> None:
    hostile = a_mail("<script>alert(1)</script>", html="<html><head></head><script>alert(1)</script></html>")
    send(smtp_port, hostile)
    for path in ("/", "/1"):
        page = pages.get(path)
        assert "<script>alert" not in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    html = pages.get("/1/html")
    assert html.headers["Content-Security-Policy"].startswith("sandbox allow-popups")
    assert "default-src 'none'" in html.headers["Content-Security-Policy"]
    assert '<head><base target="_blank">' in html.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in pages.get("/1").text


def test_mails_are_still_there_after_a_restart(tmp_path: Path, smtp_port: int, mailbox: Mailbox) -> None:
    send(smtp_port, a_mail("Une"), a_mail("Deux"))
    assert [m.subject for m in Mailbox(tmp_path).newest_first()] == ["Deux", "Une"]


def test_memory_stays_bounded(tmp_path: Path, mailbox: Mailbox) -> None:
    for number in range(MOST_MAILS + 3):
        mailbox.receive(["a@mail.exemple"], f"Subject: {number}\r\n\r\nx".encode())
    kept = mailbox.newest_first()
    assert len(kept) == MOST_MAILS
    assert kept[0].subject == str(MOST_MAILS + 2)


def test_a_mail_without_date_html_or_subject_is_shown(mailbox: Mailbox, pages: FlaskClient) -> None:
    mailbox.receive(["a@mail.exemple"], b"\r\nrien")
    assert pages.get("/1").status_code == 200
    assert pages.get("/").status_code == 200


def test_only_its_own_files_are_served(pages: FlaskClient) -> None:
    assert pages.get("/mailbox.css").mimetype == "text/css"
    assert pages.get("/mailbox.js").mimetype == "text/javascript"
    assert pages.get("/mailbox.py").status_code == 404


def test_an_empty_mailbox_and_an_unknown_mail(pages: FlaskClient) -> None:
    assert "Aucun message" in pages.get("/").text
    assert pages.get("/messages").get_json() == []
    assert pages.get("/7").status_code == 404
