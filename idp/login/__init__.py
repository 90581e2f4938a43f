"""Sign-in with a strong account, and the page that asks an agency's two codes (source, sections III and IV a).

Owns no table.
"""
