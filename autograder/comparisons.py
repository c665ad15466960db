"""What a homework wants timed, as data: the [[timing]] tables of its course.toml.

Each says which two functions of a notebook are compared, at which sizes, on which device, with
inputs from where, and what a right result is. The reference is the notebook's own solution.
"""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal, get_args, get_type_hints

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Comparison:
    """One [[timing]] table.

    part, title    what a person says: "2c", "Recurrence and convolution"
    first, second  the functions, by the names that tables and figures have for them
    inputs         "module:function", called with sizes and `fixed` as keywords and a `generator`;
                   gives float32 tensors, of which the first is scaled a little from call to call
    oracle         "module:function" that gives the right result for these inputs
    rtol           how far a result may be off, relative to its largest entry
    sizes          the grid; the first size is that of a panel in the figure, the second its axis
    needs          Otter's names of the questions that must be right before anything is timed
    crossing       the student's own prediction, a dict from the first size to the second, or ""
    points         for the time of both functions, compared with the reference's
    seconds        the most that one size takes (more where fewer rounds decide nothing)
    """

    notebook: str
    part: str
    title: str
    first: Mapping[str, str]
    second: Mapping[str, str]
    inputs: str
    oracle: str
    rtol: float
    sizes: Mapping[str, list[int]]
    needs: list[str]
    fixed: Mapping[str, int] = field(default_factory=dict)
    device: Device = "cpu"
    crossing: str = ""
    points: float = 0.0
    seconds: float = 1.0

    @property
    def functions(self) -> dict[str, str]:
        """The two functions by name: {"recurrence": "unrolled_ssm_forward", ...}."""
        return {one["name"]: one["function"] for one in (self.first, self.second)}

    def grid(self) -> list[dict[str, int]]:
        """Every size: [{"H": 4, "T": 32}, ...]."""
        return [
            dict(zip(self.sizes, point, strict=True))
            for point in itertools.product(*self.sizes.values())
        ]


_MOST_SECONDS = 600
_MOST_ON_GRADESCOPE = 1800  # of the 40 minutes that a container has at most


def read(tables: list[Any], notebooks: list[str]) -> tuple[Comparison, ...]:
    """The comparisons in course.toml's [[timing]] tables. Raises ValueError, whose text says in
    which table, and what to write."""
    found: dict[tuple[str, str], Comparison] = {}
    for number, table in enumerate(tables, 1):
        one = _read(table, number, notebooks)
        if (one.notebook, one.title) in found:
            said = f"{one.notebook} has a comparison with the title '{one.title}' already"
            raise ValueError(f"[[timing]] number {number}: {said}")
        found[one.notebook, one.title] = one
    return tuple(found.values())


def check_on_gradescope(seconds: int) -> None:
    """Raises ValueError where this cannot be the time for all comparisons on Gradescope."""
    if type(seconds) is bool or not 0 <= seconds <= _MOST_ON_GRADESCOPE:
        wanted = f"0 (nothing is timed there) or whole seconds up to {_MOST_ON_GRADESCOPE}"
        raise ValueError(f"'timing_on_gradescope' is to be {wanted}")


def _read(table: Any, number: int, notebooks: list[str]) -> Comparison:
    where = f"[[timing]] number {number}"
    if not isinstance(table, dict):
        raise ValueError(f"{where}: write [[timing]], with two brackets, above each table")
    known = {f.name: f for f in fields(Comparison)}
    for key in table:
        if key not in known:
            raise ValueError(f"{where}: '{key}' is not a key; known: {', '.join(known)}")
    for key, its in known.items():
        if key not in table and its.default is its.default_factory is MISSING:
            raise ValueError(f"{where}: the key '{key}' is missing")
    types = get_type_hints(Comparison)
    for key, value in table.items():
        problem = _problem(types[key], key, value)
        if problem:
            raise ValueError(f"{where}: '{key}' is to be {problem}")
    if table["notebook"] not in notebooks:
        raise ValueError(f"{where}: no notebook is called '{table['notebook']}'")
    if table["first"]["name"] == table["second"]["name"]:
        raise ValueError(f"{where}: 'first' and 'second' are to have names that differ")
    return Comparison(**table)


def _problem(kind: Any, key: str, value: Any) -> str:
    """What `value` should have been; "" where it is that."""
    if kind is str:
        good, wanted = isinstance(value, str), "text"
        if key in ("inputs", "oracle") and good:
            good, wanted = value.count(":") == 1, '"module:function"'
    elif kind is float:
        number = type(value) in (int, float) and math.isfinite(value)
        good = number and (value >= 0 if key == "points" else 0 < value <= _MOST_SECONDS)
        wanted = "a number from 0 on" if key == "points" else f"a number up to {_MOST_SECONDS}"
    elif kind is Device:
        good, wanted = value in get_args(Device), " or ".join(get_args(Device))
    elif key in ("first", "second"):
        good = isinstance(value, dict) and value.keys() == {"name", "function"}
        good = good and all(isinstance(text, str) for text in value.values())
        wanted = '{ name = "...", function = "..." }'
    elif key == "sizes":
        good = isinstance(value, dict) and len(value) == 2 and all(map(_counts, value.values()))
        wanted = "two lists of whole numbers above 0, like { H = [4, 32], T = [32, 256] }"
    elif key == "fixed":
        good = isinstance(value, dict) and _counts([*value.values(), 1])
        wanted = "whole numbers above 0, like { N = 32 }"
    else:
        good = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        wanted = "a list of texts"
    return "" if good else wanted


def _counts(values: object) -> bool:
    return (
        isinstance(values, list)
        and bool(values)
        and all(type(value) is int and value > 0 for value in values)
    )


def imported(name: str) -> Callable[..., Any]:
    """What "module:function" names, in the bundle in use."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
