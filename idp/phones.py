"""Telephone numbers as people read them, on pages and in mails."""

from __future__ import annotations

from functools import cache


@cache
def national_phone(number: str) -> str:
    """A stored number as people in France read it: `+33562279530` is `05 62 27 95 30`. An email address stays as it is."""
    if "@" in number or not number:
        return number
    import phonenumbers  # a quarter of a second to import, and only pages with a number need it

    try:
        parsed = phonenumbers.parse(number, "FR")
    except phonenumbers.NumberParseException:
        return number
    kind = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(parsed, kind.NATIONAL if parsed.country_code == 33 else kind.INTERNATIONAL)
