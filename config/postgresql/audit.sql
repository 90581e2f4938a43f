-- What the service may not do though the tables are its own to write: change the audit trail, or say which schema this is.
-- Run by idp_owner after each `idp db upgrade`; `idp doctor` says when it was forgotten.
REVOKE UPDATE, DELETE, TRUNCATE ON audit_events, audit_links FROM idp_app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON audit_anchors, alembic_version, schema_steps FROM idp_app;
GRANT DELETE ON audit_events, audit_links TO idp_purge;
GRANT INSERT, UPDATE ON audit_anchors TO idp_purge;
