"""What a change of password needs, decided before anything is hashed. Pure."""

from __future__ import annotations

from idp.errors import ConfirmationDiffers, CurrentPasswordWrong, PasswordUnchanged


def require_consistent(current: str, new: str, confirmation: str) -> None:
    """Raises CurrentPasswordWrong (missing), ConfirmationDiffers, PasswordUnchanged."""
    if not current:
        raise CurrentPasswordWrong()
    if new != confirmation:
        raise ConfirmationDiffers()
    if new == current:
        raise PasswordUnchanged()
