"""What workers on all hosts share in Valkey or Redis (idp/shared.py), against a real server."""
