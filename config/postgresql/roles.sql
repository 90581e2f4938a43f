-- Roles of a service on PostgreSQL, least privilege each. Run once by a superuser in the empty database, before
-- `idp db upgrade`; passwords are set apart. idp_owner: `idp db upgrade`. idp_app: `idp serve`, `idp mail run` and every other
-- command. idp_purge: `idp purge`.
CREATE ROLE idp_owner LOGIN;
CREATE ROLE idp_app LOGIN;
CREATE ROLE idp_purge LOGIN IN ROLE idp_app;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO idp_owner;
GRANT USAGE ON SCHEMA public TO idp_app;
ALTER DEFAULT PRIVILEGES FOR ROLE idp_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO idp_app;
