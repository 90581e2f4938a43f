"""Profil: what the agencies know of the signed-in person, the associated accounts, the change of password (source, IV b).

Owns no table.
"""
