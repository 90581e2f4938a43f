"""Every table of the provider, imported once so that migrations and foreign keys see them all."""

# ruff: noqa: F401

import idp.accounts.tables
import idp.audit.tables
import idp.grants.tables
import idp.links.tables
import idp.mail.tables
import idp.merge.tables
import idp.migrations.tables
import idp.oidc.authentication.tables
import idp.oidc.authorize.tables
import idp.oidc.consent.tables
import idp.oidc.keys.tables
import idp.oidc.logout.tables
import idp.oidc.registration.tables
import idp.oidc.token.tables
import idp.reset.tables
import idp.sessions.tables
import idp.tenancy.tables
import idp.terms.tables
import idp.throttle.tables
import idp.upgrade.tables
