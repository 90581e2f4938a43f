"""What is measured once a run, besides the scenarios: commands, start, memory, the rush of sign-ins."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bcrypt

from idp.settings import ROOT
from tests.bench import machine, product
from tests.bench.scenarios import SCENARIOS, Stage, sign_ins
from tests.bench.wire import Lane

_IDP = str(Path(sys.executable).parent / "idp")
_CALM = 50.0  # requests a second of each kind beside the rush: a quarter of what one core does
_PATIENCE = 10.0  # seconds that a sign-in of the rush may take before its worker comes again


def commands(database_url: str, *, times: int = 3) -> dict[str, dict[str, float]]:
    """Wall-clock and processor milliseconds of short commands: the best of several runs each."""
    wanted = {"idp --help": ["--help"], "idp clients list": ["clients", "list"]}
    return {name: _best([run(arguments, database_url) for _ in range(times)]) for name, arguments in wanted.items()}


def start(database_url: str, *, times: int = 3) -> dict[str, float]:
    """Seconds until the first 200, and the processor time that they took, of a service that is started anew."""
    seconds, processor = [], []
    for _ in range(times):
        running = product.start(database_url)
        seconds.append(running.seconds)
        processor.append(sum(machine.processor_seconds(machine.tree(running.process.pid)).values()))
        running.stop()
    return {"seconds": round(statistics.median(seconds), 3), "processor_seconds": round(min(processor), 3)}


def resident(root: int) -> dict[str, float]:
    """MB of the workers: resident, and with shared pages counted once; of the process that started them besides."""
    first, *workers = machine.tree(root)
    found = [machine.memory(pid) for pid in workers]
    return {
        "workers_resident": round(sum(one.resident for one in found), 1),
        "workers_proportional": round(sum(one.proportional for one in found), 1),
        "master_resident": round(machine.memory(first).resident - sum(one.resident for one in found), 1),
    }


def rush(stage: Stage, *, seconds: float, repeat: int = 2, cost: int = 12) -> dict[str, Any]:
    """p99 of refreshes and of userinfo at a steady rate, without and with three times the sign-ins that can be hashed."""
    began = time.process_time()
    bcrypt.hashpw(b"x", bcrypt.gensalt(cost))
    capacity = (os.cpu_count() or 1) / (time.process_time() - began)
    wave = _paced(sign_ins(stage, int(3 * capacity * _PATIENCE) + 1), 3 * capacity)
    for lane in wave:
        lane.watched = False
    told: dict[str, Any] = {"sign_ins_a_second": round(3 * capacity, 1), "requests_a_second": _CALM}
    for name in ("refresh", "userinfo"):
        calm = _paced(SCENARIOS[name].lanes(stage), _CALM)
        without, within = [], []
        for _ in range(repeat):
            without.append(_p99(stage, calm, seconds))
            within.append(_p99(stage, [*calm, *wave], seconds))
        told[name] = {
            "p99_ms_without": round(statistics.median(without), 2),
            "p99_ms_within": round(statistics.median(within), 2),
            "times": round(statistics.median(within) / statistics.median(without), 2),
        }
    return told


def run(arguments: Sequence[str], database_url: str) -> dict[str, float]:
    """One `idp …`: milliseconds on the wall and of processor, and the most memory that it had, in MB."""
    environment = {**product.plain_environment(), **product.environment(database_url, 1)}
    began = time.perf_counter()
    process = subprocess.Popen(
        [_IDP, *arguments], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    most = 0.0
    while True:
        most = max(most, machine.memory(process.pid).resident)
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.01)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"idp {' '.join(arguments[:2])} ended with {process.returncode}")
    return {
        "ms": round((time.perf_counter() - began) * 1000, 1),
        "processor_ms": round((used.ru_utime + used.ru_stime) * 1000, 1),
        "most_memory_mb": most,
    }


def _best(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: min(run[name] for run in runs) for name in runs[0]}


def _paced(lanes: Sequence[Lane], rate: float) -> list[Lane]:
    """The same workers at a steady rate of all together."""
    return [Lane(lane.operation, len(lanes) / rate, number / rate) for number, lane in enumerate(lanes)]


def _p99(stage: Stage, lanes: Sequence[Lane], seconds: float) -> float:
    tally = stage.driver.run(lanes, warmup=min(2.0, seconds), seconds=seconds, opened=lambda: None)
    stage.driver.drain()
    ordered = sorted(tally.latencies)
    if not ordered or tally.errors:
        raise RuntimeError(f"requests beside the rush failed: {dict(tally.errors)}")
    return ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] * 1000
