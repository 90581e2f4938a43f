"""Upgrade: from a letter's provisional credentials to a strong account (source, section I).

Owns `upgrade_flows`. Nothing exists but the flow's row until the address is proven and the password typed; then the
account, its membership and the acceptance of the terms come into being in one transaction. When the address already
belongs to a strong account the flow is handed to merge, which this folder knows nothing of.
"""
