"""The command line, on SQLite and on PostgreSQL."""
