"""The sentences of an import's report: in French, for the people at the agency who correct the file."""

from __future__ import annotations

# Why a file cannot be read at all.
UTF16 = "le fichier est en UTF-16 : enregistrez-le en « CSV UTF-8 » et recommencez"
BINARY = "le fichier n'est pas un texte : exportez-le en CSV (un classeur .xlsx n'est pas lu)"
EMPTY = "le fichier est vide"
HEADER_TOO_LONG = "la première ligne est trop longue pour des titres de colonnes"
COLUMNS_MISSING = "colonnes introuvables : {missing} ; titres lus : {header} ; profil : {profile}"
COLUMN_TWICE = "deux colonnes pour la même donnée : « {first} » et « {second} » ; retirez-en une ou changez de profil"

# Why a line is refused.
UNREADABLE = "caractères illisibles : la ligne n'est pas dans l'encodage du fichier ({encoding})"
TOO_LONG = "ligne trop longue (plus de {limit} caractères)"
QUOTE_OPEN = "guillemet ouvert et jamais fermé"
WRONG_COLUMNS = "{found} colonnes au lieu de {expected}"
NOT_JSON = "la ligne n'est pas un objet JSON"
IDENTIFIER_MISSING = "identifiant manquant"
IDENTIFIER_TOO_LONG = "identifiant trop long (plus de {limit} caractères)"
AGENCY_MISSING = "code client ou code société manquant"
AGENCY_UNKNOWN = "agence inconnue : code client {customer}, code société {company}"
ROLE_MISSING = "rôle manquant"
ROLE_UNKNOWN = "rôle inconnu : « {role} »"
PASSWORD_TOO_LONG = "mot de passe trop long (plus de {limit} caractères)"
TAKEN_BY_OTHER = "identifiant déjà donné ligne {line} à une autre personne ; la première est gardée"
TAKEN_WITH_OTHER_DATA = (
    "identifiant déjà présent ligne {line}, avec d'autres données ; la première ligne est gardée "
    "(plusieurs contrats se mettent sur une seule ligne)"
)

# Why a line was not needed.
REPEATED = "répète la ligne {line}"

# What was left out of a line that is imported.
EMAIL_INVALID = "adresse email non valide, ignorée : « {value} »"
PHONE_INVALID = "téléphone non valide, ignoré : « {value} »"
POSTAL_CODE_INVALID = "code postal non valide, ignoré : « {value} »"
CIVILITY_UNKNOWN = "civilité inconnue, ignorée : « {value} »"
VALUE_CUT = "{what} trop long, coupé à {limit} caractères"
CONTRACT_TOO_LONG = "référence de contrat trop longue, ignorée : « {value} »"
NAME_MISSING = "ni nom ni raison sociale"
PERSON_CHANGED = "le nom a changé alors que le compte est déjà mis à jour : vérifiez qu'il s'agit de la même personne"

FIELDS = {
    "customer": "code client",
    "company": "code société",
    "identifier": "identifiant",
    "password": "mot de passe",
    "civility": "civilité",
    "last_name": "nom",
    "first_name": "prénom",
    "company_name": "raison sociale",
    "email": "email",
    "phone": "téléphone",
    "street": "adresse",
    "postal_code": "code postal",
    "city": "ville",
    "role": "rôle",
    "contracts": "références contrats",
    "mandate": "mandat",
}


def short(value: str) -> str:
    """A cell as a sentence may repeat it: one line of 60 characters at most."""
    line = " ".join(value.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
