"""The demonstration's world: made up, small, and with at least one person for each situation of the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class DemoAgency:
    """An agency with its portal. place: which of the portals' ports is its own, from 0."""

    client: str
    societe: str
    name: str
    brand_color: str
    support_phone: str
    support_email: str
    place: int

    @property
    def portal_id(self) -> str:
        """The client_id of its portal."""
        return f"portail-{self.client}-{self.societe}".lower()


CUSTOMERS: Mapping[str, str] = {"ADB": "Administration de biens ADB", "RESID-SUD": "Résid'Sud"}

# Telephone numbers are of the ranges that are kept free for fiction (ARCEP), addresses of domains that cannot exist.
AGENCIES = (
    DemoAgency("ADB", "TLS01", "Agence du Capitole", "#8a1c4a", "05 36 49 00 01", "toulouse@adb.exemple", 0),
    DemoAgency("ADB", "MTP01", "Agence de la Comédie", "#0f5c73", "04 65 71 00 02", "montpellier@adb.exemple", 1),
    DemoAgency("RESID-SUD", "0042", "Résid'Sud Marseille", "#9a4a06", "04 65 71 00 42", "accueil@residsud.exemple", 2),
)

# What some letters of export-demo.csv are there for, in the order in which they are shown: (identifier, situation).
SITUATIONS: Mapping[str, str] = {
    "TLS010101": "an owner, with a suggested address",
    "TLS010102": "a lessee, without a suggested address",
    "TLS010103": "one person, two letters of one agency (1/2)",
    "TLS010104": "one person, two letters of one agency (2/2)",
    "TLS010105": "one person, agencies of two customers (1/2)",
    "RS420101": "one person, agencies of two customers (2/2)",
    "TLS010106": "a couple, two agencies of one customer (1/2)",
    "MTP010101": "a couple, two agencies of one customer (2/2)",
    "TLS010107": "a company",
    "TLS010108": "a password that the agency chose",
    "MTP010102": "the same, without a suggested address",
}
