-- The audit trail is append-only for the service by privilege too. Run by idp_owner after each `idp db upgrade`.
REVOKE UPDATE, DELETE, TRUNCATE ON audit_events, audit_links FROM idp_app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON audit_anchors FROM idp_app;
GRANT DELETE ON audit_events, audit_links TO idp_purge;
GRANT INSERT, UPDATE ON audit_anchors TO idp_purge;
