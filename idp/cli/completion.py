"""`idp completion`: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from idp.cli.failures import Failure


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash: idp completion bash > ~/.local/share/bash-completion/completions/idp
    zsh:  idp completion zsh > "${fpath[1]}/_idp"
    fish: idp completion fish > ~/.config/fish/completions/idp.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise Failure(f"no completion is known for {shell}")
    click.echo(kind(ctx.find_root().command, {}, "idp", "_IDP_COMPLETE").source())
