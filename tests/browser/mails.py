"""Every mail there is, in the voice of an agency: for the pictures and for the checks of their HTML."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from idp.mail.messages import (
    AccountMerged,
    ActivateFirst,
    DeliveryTest,
    LetterWanted,
    Message,
    PasswordChanged,
    ResetPassword,
    VerifyAddress,
    Voice,
)

_AT = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)
_LINK = "https://www.moncompte.example/upgrade/confirm/yVnPq3fJw0aT8mE6sLk2hZ4xRb9uCd7gQi1oNv5KWtA"


def mails(voice: Voice) -> dict[str, Message]:
    """By kind."""
    to = "rolande.hoareau@exemple.org"
    every: list[Message] = [
        VerifyAddress(to=to, voice=voice, link=_LINK, code="48210937", asked_at=_AT, asked_on="iphone", expires_at=_AT),
        ResetPassword(to=to, voice=voice, link=_LINK.replace("upgrade", "reset"), asked_at=_AT, expires_at=_AT),
        PasswordChanged(
            to=to,
            voice=voice,
            changed_at=_AT,
            changed_on="windows",
            link="https://www.moncompte.example/reset?client=ADB",
        ),
        AccountMerged(to=to, voice=voice, merged_at=_AT, link="https://www.moncompte.example/profile"),
        ActivateFirst(to=to, voice=voice, link="https://www.moncompte.example/login/provisional?client=ADB"),
        LetterWanted(
            to=to, voice=replace(voice, support=""), identifier="ID0042", person="Rolande HOAREAU", asked_at=_AT
        ),
        DeliveryTest(to=to, voice=voice),
    ]
    return {mail.kind: mail for mail in every}
