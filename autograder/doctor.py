"""What this machine offers to a grader, found out by trying."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from autograder.sandbox import processors, seal
from autograder.sandbox.levels import NOT_STOPPED, probe
from labkit.timing import using_threads


def report(private: Sequence[Path]) -> str:
    """A few lines of text: sandbox levels (tried with `private` as what must stay unreadable),
    processors, memory bandwidth, GPU."""
    lines = ["Sandbox (strongest first; grading takes the first that holds):"]
    for level in seal.LEVELS:
        if level == "none":
            continue
        problem = probe(level, private).problem
        lines.append(f"  {level:<11} {'yes' if not problem else 'no: ' + problem}")
        lines += [f"{'':<14}does not stop: {hole.says}" for hole in NOT_STOPPED[level]]
    lines += [
        f"Processors: {processors.count()} ({processors.model()})",
        f"Memory bandwidth, one thread: {_bandwidth():.1f} GB/s (a copy of 64 MiB, best of 5)",
        f"GPU: {_gpu()}",
        f"Python {platform.python_version()}, torch {torch.__version__}",
    ]
    return "\n".join(lines)


def _bandwidth() -> float:
    """GB/s read and written by copying a block that no cache holds."""
    with using_threads(1):
        source = torch.zeros(64 << 18)  # float32: 64 MiB
        target = torch.empty_like(source)
        best = float("inf")
        for _ in range(5):
            started = time.perf_counter()
            target.copy_(source)
            best = min(best, time.perf_counter() - started)
    return 2 * source.numel() * 4 / best / 1e9


def _gpu() -> str:
    if not torch.cuda.is_available():
        return "none that torch can use; everything but GPU timing works without"
    return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
