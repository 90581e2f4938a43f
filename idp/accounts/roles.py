"""What a person is to a contract. The values stand in claims and files, so they are French."""

from enum import StrEnum


class Role(StrEnum):
    OWNER = "proprietaire"
    CO_OWNER = "coproprietaire"
    LESSEE = "locataire"


class AccountState(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"
    ERASED = "erased"
