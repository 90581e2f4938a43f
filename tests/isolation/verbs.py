"""What each verb of the command line is for: an agency, when it is named, or the whole platform, and then why."""

from __future__ import annotations

from tests.isolation.scene import Scene

# {a}: Alpha's codes; {ca}: the code of its customer; {letter}, {waiting}, {email}, {sub}, {portal}: of Alpha's people and portals.
OF_AN_AGENCY: dict[str, tuple[str, ...]] = {
    "customers show": ("{ca}",),
    "customers update": ("{ca}", "--name", "Autre groupe"),
    "agencies show": ("{a}",),
    "agencies update": ("{a}", "--name", "Autre agence"),
    "agencies disable": ("{a}",),
    "agencies enable": ("{a}",),
    "agencies list": ("--customer", "{ca}"),
    "clients create": ("--name", "Neuf", "--agency", "{a}", "--redirect-uri", "https://neuf.exemple.fr/retour"),
    "clients show": ("{portal}",),
    "clients update": ("{portal}", "--name", "Autre portail"),
    "clients rotate-secret": ("{portal}",),
    "clients disable": ("{portal}",),
    "clients enable": ("{portal}",),
    "clients list": ("--agency", "{a}"),
    "clients export": ("--agency", "{a}"),
    "clients test": ("{portal}",),
    "clients apply": ("-f", "{clients_file}"),
    "clients diff": ("-f", "{clients_file}"),
    "clients tokens create": ("--name", "Neuf", "--agency", "{a}"),
    "clients delete": ("{opaque}", "--yes"),
    "accounts import": ("{letters_file}",),
    "accounts search": ("e", "--agency", "{a}"),
    "accounts show": ("{letter}",),
    "accounts unlock": ("{letter}",),
    "accounts disable": ("{email}",),
    "accounts enable": ("{email}",),
    "accounts export": ("{sub}",),
    "sessions list": ("{email}",),
    "sessions end": ("{email}",),
    "audit search": ("{sub}",),
    "accounts erase": ("{waiting}", "--yes"),
}

OF_THE_PLATFORM: dict[str, str] = {
    "customers create": "adds a customer",
    "customers list": "the platform's customers",
    "agencies create": "adds an agency",
    "clients tokens list": "tokens of all agencies, without them",
    "clients tokens revoke": "names a token by its id",
    "keys list": "the service's keys",
    "keys renew": "the service's keys",
    "keys retire": "the service's keys",
    "keys rotate": "the service's keys",
    "terms list": "the service's terms",
    "terms publish": "the service's terms",
    "mail bounced": "names a mail by its id",
    "mail domains": "domains that mails go to, whosever",
    "mail outbox": "mails of all agencies, for who runs the mail server",
    "mail run": "delivers to everybody",
    "mail test": "a mail to the operator",
    "audit export": "the whole trail, for a log store",
    "audit verify": "the whole trail",
    "audit close": "the whole trail",
    "accounts erase-letters": "what the service's former secret made, whosever",
    "sessions outbox": "portals of all agencies",
    "db backup": "the database",
    "db check": "the database",
    "db moved": "the database",
    "db restored": "the database",
    "db status": "the database",
    "db upgrade": "the database",
    "config check": "settings",
    "config show": "settings",
    "doctor": "the service; counts, and codes of agencies",
    "purge": "what has expired, whosever",
    "serve": "the service",
    "demo": "a database of its own",
    "completion": "no database",
}

_LETTERS = """CodeClient;CodeSociete;Identifiant;Mot de passe;Nom;Prénom;Email;Rôle
{client};{societe};NOUVEAU-1;Provisoire-1;NOUVEAU;Lea;nouvelle@exemple.org;Locataire
{client};{societe};{beta_identifier};Provisoire-1;HOMONYME;Leo;;Locataire
"""
_CLIENTS = """[[clients]]
client_id = "neuf-{client}"
name = "Neuf"
agency = "{client}/{societe}"
redirect_uris = ["https://neuf.exemple.fr/retour"]
"""


def words(scene: Scene, folder: object) -> dict[str, str]:
    """What stands for the words in braces; the files are written to the folder."""
    from pathlib import Path

    alpha, place = scene.alpha, Path(str(folder))
    told = {
        "client": alpha.agency.client,
        "societe": alpha.agency.societe,
        "beta_identifier": scene.beta.fresh.identifier,
    }
    (place / "letters.csv").write_text(_LETTERS.format(**told), encoding="utf-8")
    (place / "clients.toml").write_text(_CLIENTS.format(**told), encoding="utf-8")
    return {
        "a": f"{alpha.agency.client}/{alpha.agency.societe}",
        "ca": alpha.agency.client,
        "letter": f"{alpha.agency.client}/{alpha.agency.societe}/{alpha.fresh.identifier}",
        "waiting": f"{alpha.agency.client}/{alpha.agency.societe}/{alpha.waiting.identifier}",
        "email": str(alpha.member.email),
        "sub": alpha.account_id,
        "portal": alpha.portal.client_id,
        "opaque": alpha.opaque.client_id,
        "letters_file": str(place / "letters.csv"),
        "clients_file": str(place / "clients.toml"),
    }
