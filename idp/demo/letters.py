"""The letters of the demonstration: imported once, and those that nobody has used yet."""

from __future__ import annotations

from idp.demo.folder import Folder, Letter


def unused(folder: Folder) -> list[Letter]:
    return folder.letters()
