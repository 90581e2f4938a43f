"""`idp demo` as a person and as a program use it, and the portal with our own provider, in Chromium."""
