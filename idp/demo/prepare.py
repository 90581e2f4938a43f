"""Making the database of the demonstration and filling it, through the stores and the import that operators use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sqlalchemy.orm import Session

from clients.portal import PortalSettings
from idp import migrations
from idp.cli.clients.defaults import NEW
from idp.cli.context import database, light_deps
from idp.database import transaction
from idp.demo.world import AGENCIES, CUSTOMERS, DemoAgency
from idp.deps import Deps
from idp.oidc.keys import steps as keys
from idp.oidc.registration import rules, secrets, store
from idp.settings import Settings
from idp.tenancy import admin
from idp.tenancy import store as tenancy
from idp.terms import store as terms

HERE = Path(__file__).parent


def prepare(settings: Settings, portals: Mapping[DemoAgency, PortalSettings]) -> None:
    """Bring the database to what the demonstration needs; a second time changes nothing but the portals' addresses."""
    with database(settings) as app:
        migrations.upgrade(app)
        deps = light_deps(settings)
        keys.ensure(deps)
        with transaction() as db:
            _agencies(db, deps)
            for agency, portal in portals.items():
                _portal(db, deps, agency, portal)
            _terms(db, deps)


def _agencies(db: Session, deps: Deps) -> None:
    for code, name in CUSTOMERS.items():
        if tenancy.customer_by_code(db, code) is None:
            admin.create_customer(db, customer_id=deps.new_id(), code=code, name=name, now=deps.now())
    for agency in AGENCIES:
        customer = tenancy.customer_by_code(db, agency.client)
        if customer is not None and tenancy.agency_by_codes(db, agency.client, agency.societe) is None:
            admin.create_agency(
                db,
                agency_id=deps.new_id(),
                customer_id=customer.id,
                code=agency.societe,
                name=agency.name,
                now=deps.now(),
                brand_color=agency.brand_color,
                support_phone=agency.support_phone,
                support_email=agency.support_email,
            )


def _portal(db: Session, deps: Deps, agency: DemoAgency, portal: PortalSettings) -> None:
    """Register an agency's portal, or move it to today's address."""
    owner = tenancy.agency_by_codes(db, agency.client, agency.societe)
    wanted = replace(
        NEW,
        id=portal.client_id,
        name=f"Extranet {agency.name}",
        agency_id=owner.id if owner else None,
        default_portal=True,
        redirect_uris=(portal.redirect_uri,),
        post_logout_redirect_uris=(portal.post_logout_redirect_uri,),
        initiate_login_uri=portal.initiate_login_uri,
        scope=portal.scope,
        grant_types=("authorization_code",),
    )
    if found := rules.problems(wanted, deps.settings):
        raise ValueError(f"{wanted.id}: {'; '.join(found)}")
    if not store.change(db, deps, wanted):
        store.create(db, wanted, now=deps.now())
        secrets.put(db, deps, wanted, portal.client_secret)


def _terms(db: Session, deps: Deps) -> None:
    if terms.current_id(db) is None:
        terms.publish(
            db,
            terms_id=deps.new_id(),
            terms_of_use=(HERE / "cgu.txt").read_text(encoding="utf-8"),
            privacy_policy=(HERE / "confidentialite.txt").read_text(encoding="utf-8"),
            now=deps.now(),
        )
