"""The import of an agency's export."""
