"""What checks the provider shares no code with it, so that one mistake cannot be on both sides."""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parent


def test_only_the_target_imports_the_product_or_its_test_support() -> None:
    importing = {
        str(path.relative_to(HERE))
        for path in HERE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _imported(node)
        if name.split(".")[0] in ("idp", "clients") or name.startswith("tests.support")
    }
    assert importing == {"targets/ours.py"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
