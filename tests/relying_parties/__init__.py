"""Relying parties that no one here wrote, as they are installed: each signs in, refreshes and signs out.

They are used as their documentation says; where a setting of ours asks something of them, the test says so.
"""
