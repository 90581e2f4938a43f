"""What a setting may be: its kind, its limits, what it means; and its value, read from a file or from a text. Pure.

The provider needs five kinds and two limits. A library that knows all others took a seventh of the processor time of a
short command, and four megabytes of each worker (decision 48).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")
_WORDS: Mapping[str, bool] = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off"), False),
}


@dataclass(frozen=True, repr=False)
class SecretStr:
    """A text that is shown nowhere by accident, neither in a log nor in a traceback."""

    _value: str

    def get_secret_value(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "SecretStr('**********')" if self._value else "SecretStr('')"


@dataclass(frozen=True)
class Meaning:
    """What is known of a setting beside its default. ge, le: the least and the greatest number that it may be."""

    description: str
    ge: int | None = None
    le: int | None = None


def setting(default: T, *, description: str, ge: int | None = None, le: int | None = None) -> T:
    """A field of a dataclass that is a setting."""
    return field(default=default, metadata={"meaning": Meaning(description, ge, le)})


def described(settings: type[Any]) -> Iterator[tuple[str, Any, str]]:
    """Name, default and meaning of each setting, in their order."""
    for one in fields(settings):
        yield one.name, one.default, one.metadata["meaning"].description


def read(settings: type[Any], values: Mapping[str, object]) -> tuple[dict[str, Any], list[str]]:
    """The values as what their settings are, and what is wrong with the others, which is never told with the value."""
    kinds, known = get_type_hints(settings), {one.name: one for one in fields(settings)}
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in values.items():
        if name not in known:
            wrong.append(f"{name}: unknown setting")
            continue
        try:
            found[name] = _within(known[name].metadata["meaning"], _read(kinds[name], value))
        except ValueError as error:
            wrong.append(f"{name}: {error}")
    return found, wrong


def _read(kind: Any, value: object) -> Any:
    """The value as this kind, from text too, since a variable of the environment is nothing else. Raises ValueError."""
    if kind is bool:
        return _boolean(value)
    if kind is int:
        return _whole(value)
    if not isinstance(value, str):
        raise ValueError("a text is expected")  # noqa: TRY004 - all that is wrong is told in one way
    if kind is str or kind is SecretStr:
        return kind(value)
    if get_origin(kind) is Literal:
        return _one_of(get_args(kind), value)
    if issubclass(kind, StrEnum):
        return kind(_one_of([one.value for one in kind], value))
    raise TypeError(f"no setting can be a {kind}")


def _boolean(value: object) -> bool:
    found = _WORDS.get(str(value).lower()) if isinstance(value, bool | int | str) else None
    if found is None:
        raise ValueError("true or false is expected")
    return found


def _whole(value: object) -> int:
    if isinstance(value, int | str) and not isinstance(value, bool):
        try:
            return int(value)
        except ValueError:
            pass  # its message repeats the value
    raise ValueError("a whole number is expected")


def _one_of(allowed: Any, value: str) -> str:
    if value not in allowed:
        raise ValueError(f"one of {', '.join(allowed)} is expected")
    return value


def _within(meaning: Meaning, value: Any) -> Any:
    if meaning.ge is not None and value < meaning.ge:
        raise ValueError(f"{meaning.ge} or more is expected")
    if meaning.le is not None and value > meaning.le:
        raise ValueError(f"{meaning.le} or less is expected")
    return value
