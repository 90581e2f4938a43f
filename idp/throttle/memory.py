"""Counting attempts in memory that workers share: the rule of `store.py` in one script, for limits of many people.

A sign-in touches the row of its network and that of its agency twice each; on the first of the month all of an agency
wait for the same row. Here nobody waits, and nothing is written to disk: what the server forgets when it is restarted
or emptied is some hours of counting, never an account's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from idp.shared import Shared


class Rule(NamedTuple):
    """A counter. key: a keyed digest. The first delay comes after the free attempts, and doubles up to the longest."""

    key: str
    free: int
    memory: timedelta
    first: timedelta
    longest: timedelta


# One script is one step for everybody else: of a hundred attempts at once none is lost, and one that a limit refuses is
# counted on none. Instants and durations are milliseconds.
_COUNT = """
local now, held, longest_wait = tonumber(ARGV[1]), {}, 0
for i, key in ipairs(KEYS) do
  local row = redis.call('HMGET', key, 'attempts', 'blocked_until', 'forget_at')
  held[i] = {tonumber(row[1] or 0), tonumber(row[2] or 0), tonumber(row[3] or 0)}
  if held[i][2] > now then longest_wait = math.max(longest_wait, held[i][2]) end
end
if longest_wait > 0 then return longest_wait end
for i, key in ipairs(KEYS) do
  local free, memory, first, longest = unpack(ARGV, 4 * i - 2, 4 * i + 1)
  local attempts, blocked_until, forget_at = unpack(held[i])
  if forget_at <= now then attempts, forget_at = 0, now + memory end
  attempts = attempts + 1
  if attempts >= tonumber(free) then
    blocked_until = now + math.min(first * 2 ^ math.min(attempts - free, 20), tonumber(longest))
  end
  redis.call('HSET', key, 'attempts', attempts, 'blocked_until', blocked_until, 'forget_at', forget_at)
  redis.call('PEXPIRE', key, math.max(forget_at, blocked_until) - now)
end
return 0
"""
_LESS = """
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('HGET', key, 'attempts') or 0) > 0 then redis.call('HINCRBY', key, 'attempts', -1) end
end
"""


def count(shared: Shared, rules: Sequence[Rule], *, now: datetime) -> datetime | None:
    """Count one attempt on each; None when all admit it, else the instant from which they do. Raises Away."""
    arguments: list[int] = [round(now.timestamp() * 1000)]
    for rule in rules:
        arguments += rule.free, _milliseconds(rule.memory), _milliseconds(rule.first), _milliseconds(rule.longest)
    names = [_name(rule.key) for rule in rules]
    until = int(shared.ask(lambda server: server.register_script(_COUNT)(names, arguments)))
    return datetime.fromtimestamp(until / 1000, UTC) if until else None


def less(shared: Shared, keys: Sequence[str]) -> None:
    """Take one attempt back from each. Raises Away."""
    names = [_name(key) for key in keys]
    shared.ask(lambda server: server.register_script(_LESS)(names))


def _name(key: str) -> str:
    return f"{{idp:limit}}:{key}"  # what stands in braces keeps the keys of one script together in a cluster


def _milliseconds(duration: timedelta) -> int:
    return round(duration / timedelta(milliseconds=1))
