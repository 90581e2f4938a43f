"""Ids as arguments: base64url may begin with a hyphen, and no letter of such an id is an option."""

from __future__ import annotations

import click

_LENGTHS = frozenset({22, 43})  # 128 bits, an account's; 256 bits, a key's thumbprint (RFC 7638)


class TakesId(click.Command):
    """A command with an id, or something else, as its argument."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As in the base class, but that ids come last and behind `--`, where nothing is an option."""
        if "--" not in args:
            options = {name for param in self.params for name in (*param.opts, *param.secondary_opts)}
            ids = [one for one in args if one.startswith("-") and len(one) in _LENGTHS and one not in options]
            if ids:
                args = [*(one for one in args if one not in ids), "--", *ids]
        return super().parse_args(ctx, args)
