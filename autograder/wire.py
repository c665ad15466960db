"""The codec between the trusted side and a student's process: msgpack, and nothing else.

Values are None, `...`, booleans, integers of 64 bits, floats, strings, bytes, lists, dicts (whose
keys are strings or integers, and arrive as strings), and tensors (a whitelist of dtypes, then shape
and raw bytes). What a student's process sends is data: nothing in it is ever unpickled, imported or
evaluated, and sizes are checked before memory is taken. What has no such form goes as `Opaque`: the
name of its type.
"""

from __future__ import annotations

import builtins
import math
import struct
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import msgpack
import numpy as np
import torch

DTYPES: tuple[torch.dtype, ...] = (
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.complex64,
    torch.complex128,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
)
MAX_DIMS = 16
MAX_ITEMS = 1 << 16  # in all lists and dicts of one message together: what bytes cannot bound
MAX_DEPTH = 32  # of lists in lists
MAX_REQUEST = 32 << 20  # bytes of a message to a student's process; what it answers has less
_TENSOR_HEAD = struct.Struct(">BB")  # dtype's place in DTYPES, number of dimensions
_TENSOR, _OPAQUE = 1, 2
_HOLDERS = (list, tuple, dict)

# Types that an `Opaque` may be called by. A name of the student's own would be a text, and carry
# what they like into a message.
_KNOWN_TYPES = {name for name, kind in vars(builtins).items() if isinstance(kind, type)} | set(
    """
    ellipsis NoneType function generator module Tensor Parameter ndarray Generator dtype device
    Size DataFrame Series Figure Fraction Decimal
    """.split()
)


class WireError(Exception):
    """The other side sent something that is not a message, or nothing in time."""


class Unsendable(WireError):
    """A value that the other side would refuse. `why` is "too large" (bytes), "too many" (items),
    "too deep" or "keys"."""

    def __init__(self, why: str, message: str):
        super().__init__(message)
        self.why = why


class Closed(WireError):
    """The other side is gone."""


class TimedOut(WireError):
    """The deadline passed before a whole message came."""


@dataclass(frozen=True)
class Opaque:
    """Something that has no plain form; only the name of its type crossed, "object" where that is
    a type of the student's own."""

    type_name: str


_opaques: dict[str, object] = {name: Opaque(name) for name in _KNOWN_TYPES} | {"ellipsis": ...}


def encode(value: object, max_bytes: int = MAX_REQUEST) -> bytes:
    """The message for `value`; whatever has no plain form goes as `Opaque`. Raises Unsendable for
    one that is larger than `max_bytes`, or that `decode` would refuse."""
    if isinstance(value, _HOLDERS):
        _count(value)
    body: bytes = msgpack.packb(
        value,
        default=lambda other: _to_plain(other, max_bytes),
        strict_types=True,
        unicode_errors="replace",
    )
    if len(body) > max_bytes:
        said = f"a message of {len(body):,} bytes; the limit is {max_bytes:,}"
        raise Unsendable("too large", said)
    return body


def _count(holder: Any, depth: int = 1) -> int:
    """How many items a list or dict holds, as `decode` counts them. Raises Unsendable where it
    would refuse them, or a key."""
    if depth > MAX_DEPTH:
        raise Unsendable("too deep", f"lists in lists, more than {MAX_DEPTH} deep")
    items = holder
    if isinstance(holder, dict):
        items = holder.values()
        if not all(type(key) is str or _is_key(key) for key in holder):
            raise Unsendable("keys", "a key that is neither a text nor an integer")
    count = 1 + len(items)
    for item in items:
        if isinstance(item, _HOLDERS) and count <= MAX_ITEMS:
            count += _count(item, depth + 1)
    if count > MAX_ITEMS:
        raise Unsendable("too many", f"more than {MAX_ITEMS:,} items in lists and dicts")
    return count


def _is_key(key: object) -> bool:
    return isinstance(key, str) or (isinstance(key, int | np.integer) and _fits(int(key)))


def decode(body: bytes | bytearray, max_bytes: int = MAX_REQUEST) -> Any:
    """The value of a message; no tensor in it takes more than `max_bytes`, not even in float64.
    Raises WireError for anything that is not one."""
    return decode_and_count(body, max_bytes)[0]


def decode_and_count(body: bytes | bytearray, max_bytes: int) -> tuple[Any, int]:
    """The value of a message, and how many items are in it. What is raised holds none of it."""
    left = MAX_ITEMS
    depths: dict[int, int] = {}  # of the lists and dicts so far: those inside come first

    def count(made: object, items: Collection[object]) -> None:
        nonlocal left
        left -= 1 + len(items)
        depths[id(made)] = depth = 1 + max((depths.get(id(item), 0) for item in items), default=0)
        if left < 0 or depth > MAX_DEPTH:
            raise ValueError("too many items, or too deep")

    def a_list(items: list[Any]) -> list[Any]:
        count(items, items)
        return items

    def a_dict(pairs: list[tuple[object, Any]]) -> dict[str, Any]:
        made = {_key(key): item for key, item in pairs}
        count(made, [item for _, item in pairs])
        return made

    try:
        value = msgpack.unpackb(
            body,
            ext_hook=lambda code, data: _from_ext(code, data, max_bytes),
            list_hook=a_list,
            object_pairs_hook=a_dict,
            strict_map_key=False,  # `_key` is as strict, and knows integers
            max_array_len=MAX_ITEMS,
            max_map_len=MAX_ITEMS,
        )
    except Exception as error:
        problem = type(error).__name__
    else:
        return value, MAX_ITEMS - left
    raise WireError(f"not a message: {problem}")


def _key(key: object) -> str:
    """A key of a dict, as a text. (A dict's own hashes could be made to collide, a text's not.)"""
    if isinstance(key, str | int):
        return str(key)
    raise ValueError("a key that is neither a text nor an integer")


def _to_plain(value: object, max_bytes: int) -> object:
    """What msgpack is given in place of a `value` it does not know."""
    if isinstance(value, torch.Tensor):
        return _tensor_to_ext(value, max_bytes)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiubc":
        return _array_to_ext(value, max_bytes)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer) and _fits(int(value)):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, complex | np.complexfloating):
        return _tensor_to_ext(torch.tensor(complex(value), dtype=torch.complex128), max_bytes)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, tuple | list):
        return list(value)
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, Real | Decimal):  # fractions, large integers, and what else can be a float
        with suppress(Exception):  # a number of the student's own may raise anything
            return float(value)
    return _opaque(value)


def _array_to_ext(array: np.ndarray, max_bytes: int) -> msgpack.ExtType:
    if array.size > max_bytes // 8:  # before a view of little is written out
        raise Unsendable("too large", f"an array of {array.size:,} elements")
    if array.dtype.itemsize > (16 if array.dtype.kind == "c" else 8):  # np.longdouble and its like
        array = array.astype(complex if array.dtype.kind == "c" else float)
    plain = array.astype(array.dtype.newbyteorder("="), order="C")
    return _tensor_to_ext(torch.from_numpy(plain), max_bytes)


def _fits(value: int) -> bool:
    return -(2**63) <= value < 2**64


def _opaque(value: object) -> msgpack.ExtType:
    name = "function" if callable(value) else type(value).__name__
    return msgpack.ExtType(_OPAQUE, name[:100].encode("utf-8", "replace"))


def _tensor_to_ext(tensor: torch.Tensor, max_bytes: int) -> msgpack.ExtType:
    if tensor.numel() > max_bytes // 8:  # before a small one that was expanded is written out
        raise Unsendable("too large", f"a tensor of {tensor.numel():,} elements")
    if tensor.layout is not torch.strided or tensor.dim() > MAX_DIMS:
        return _opaque(tensor)
    if tensor.dtype not in DTYPES:
        tensor = tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)
    plain = tensor.detach().resolve_conj().resolve_neg().to("cpu").contiguous()
    head = _TENSOR_HEAD.pack(DTYPES.index(plain.dtype), plain.dim())
    shape = struct.pack(f">{plain.dim()}Q", *plain.shape)
    # One number with a stride of its own counts as contiguous; its bytes want a stride of 1.
    flat = plain.as_strided((plain.numel(),), (1,))
    raw = flat.view(torch.uint8).numpy().tobytes() if plain.numel() else b""
    return msgpack.ExtType(_TENSOR, head + shape + raw)


def _from_ext(code: int, data: bytes, max_bytes: int) -> object:
    if code == _OPAQUE:
        name = data[:100].decode("utf-8", "replace")
        return _opaques[name if name in _KNOWN_TYPES else "object"]
    if code != _TENSOR or len(data) < _TENSOR_HEAD.size:
        raise ValueError("unknown kind of value")
    dtype_index, dims = _TENSOR_HEAD.unpack_from(data)
    start = _TENSOR_HEAD.size + 8 * dims
    if dtype_index >= len(DTYPES) or dims > MAX_DIMS or len(data) < start:
        raise ValueError("a tensor with an impossible head")
    shape = struct.unpack_from(f">{dims}Q", data, _TENSOR_HEAD.size)
    dtype = DTYPES[dtype_index]
    if math.prod(shape) * dtype.itemsize != len(data) - start or max(shape, default=0) >= 2**62:
        raise ValueError("a tensor whose bytes do not fit its shape")
    if math.prod(size or 1 for size in shape) > max_bytes // 8:
        raise ValueError("a tensor with too many elements")
    if len(data) == start:
        return torch.empty(shape, dtype=dtype)
    if dtype is torch.bool and np.frombuffer(data, np.uint8, offset=start).max() > 1:
        raise ValueError("a boolean that is neither true nor false")
    return torch.frombuffer(bytearray(memoryview(data)[start:]), dtype=dtype).reshape(shape)
