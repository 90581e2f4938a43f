"""`idp NOUN VERB` and `python -m idp`: everything an operator does from a terminal."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code (idp.cli.failures.ExitCode)."""
    # Loading modules makes nothing that could be collected, and looking for it is a tenth of the time of a short command:
    # one that lists loads a hundred thousand objects, the service half as many more.
    gc.set_threshold(200_000, 20, 20)
    # For plugins of pydantic the metadata of every installed package would be read; we have none, and want none from others.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from idp.cli import command

    try:
        command.main(prog_name="idp", standalone_mode=True)
    finally:
        _flush()
        # The interpreter would look for garbage among all that was loaded once more before it ends, a fifth of the time of
        # a short command; what is frozen it leaves to the kernel.
        gc.freeze()


def _flush() -> None:
    """Write what is left now: a reader that is gone (`idp … | head`) must not make the interpreter complain at exit."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
