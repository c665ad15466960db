"""A Result as JSON and back, exactly: so that finished work is kept between runs.

Reading is strict. The file lies where a person can edit it, and a result that is nearly right
must be graded again rather than counted.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, is_dataclass
from math import isfinite
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from autograder.results import Result, Timing

FORMAT = 3


class DamagedResultError(ValueError):
    """Text that is no result. Says where it stops being one."""


def to_json(result: Result) -> str:
    """The result as JSON, in ASCII: whatever a string holds comes back as it was."""
    content = {"format": FORMAT, "result": asdict(result)}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def from_json(text: str) -> Result:
    """The result that `to_json` wrote. Raises DamagedResultError for anything else: a missing or
    unknown field, a value of another type, a number that is not finite, another format."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedResultError(f"not JSON: {error}") from None
    if not isinstance(content, dict) or content.keys() != {"format", "result"}:
        raise DamagedResultError("not the result of a grading")
    if content["format"] != FORMAT:
        raise DamagedResultError(f"format {content['format']!r} where {FORMAT} was expected")
    result = _value(Result, content["result"], "result")
    assert isinstance(result, Result)
    return result


def timing_from_plain(plain: Any) -> Timing:
    """The timing of which `asdict` made this. Raises DamagedResultError for anything else."""
    timing = _value(Timing, plain, "timing")
    assert isinstance(timing, Timing)
    return timing


def _value(kind: Any, value: Any, where: str) -> Any:
    """`value` as the annotated type `kind`; raises where it is none."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _record(kind, value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_value(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {key: _value(arguments[1], v, f"{where}.{key}") for key, v in value.items()}
    if origin is Literal and isinstance(value, str) and value in arguments:
        return value
    if kind is float and type(value) in (int, float) and isfinite(value):
        return value
    if kind in (str, int, bool, NoneType) and type(value) is kind:
        return value
    raise DamagedResultError(f"{where}: {str(value)[:60]!r} does not belong here")


def _record(kind: type, value: Any, where: str) -> Any:
    names = {field.name for field in fields(kind)}
    if not isinstance(value, dict) or value.keys() != names:
        differing = sorted(names ^ value.keys()) if isinstance(value, dict) else "not a record"
        raise DamagedResultError(f"{where}: fields missing or unknown: {differing}")
    types = get_type_hints(kind)
    return kind(**{name: _value(types[name], value[name], f"{where}.{name}") for name in names})
