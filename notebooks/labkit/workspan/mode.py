"""The dispatch mode that counts: it sees every operation, whoever runs it.

Comes in: the operations of a running function (its own, autograd's, vmap's, TorchScript's). Goes
out: the counts that `measure` makes a `Cost` of. The table says what an operation costs, and a
flow says how deep its results lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from . import flows, products
from .depths import Depths, Storages, fit, plain
from .op import Op, tensors_in
from .outside import LEAVES, Watch, is_new, is_seen_anew
from .table import EMPTY, FAMILIES, FREE, ROWS, WAITS, Row

_UNKNOWN = Row("unknown", "0", "1", "whole", "")
_UNSEEN = "a tensor made out of sight"


class TooManyLaunches(RuntimeError):
    """The function started more operations than it was allowed to."""


class Counter(TorchDispatchMode):
    """Counts while it is entered.

    work, span, launches, waits   the counts so far
    unknown, escapes              what they lack: operations without a row, and ways out of sight
    storages                      the depths of all tensors seen
    watch                         the companion mode that sees data leave; to be entered as well
    """

    supports_higher_order_operators = True  # control flow that is one operation: it is unknown

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No guard against `torch.compile` in here: it costs the import of the compiler."""
        return False

    def __init__(self, limit: int | None) -> None:
        super().__init__()
        self.work = self.span = self.launches = self.waits = 0
        self.unknown: set[str] = set()
        self.escapes: set[str] = set()
        self.storages = Storages()
        self.watch = Watch(self._leave)
        self._limit = limit
        self._floor = 0  # the depth of the last value the program waited for

    def meet(self, tensors: list[torch.Tensor], *, expected: bool = False) -> None:
        """Look at tensors that come along. One made since the start, but by no operation that was
        seen, has an unknown history, unless torch is `expected` to bring some."""
        for tensor in tensors:
            if not self.storages.knows(tensor):
                new = is_new(tensor)
                self.storages.add(tensor, made=new, depth=self._floor)
                if new and not expected and _UNSEEN not in self.escapes:
                    self.escapes |= set() if is_seen_anew(tensor) else {_UNSEEN}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        call = _signature(func)
        if call.composite:
            with self:
                return func.decompose(*args, **kwargs)
        result = func(*args, **kwargs)
        with unobserved():
            self._account(func, call, args, kwargs, result)
        return result

    def _account(self, func: Any, call: _Signature, args: Any, kwargs: Any, result: Any) -> None:
        arguments = call.bind(args, kwargs)
        targets = tensors_in([result, *(arguments[name] for name in call.writes)])
        for name in call.outs:
            arguments.pop(name, None)
        inputs = tensors_in(arguments.values())
        if call.name == "lift_fresh":
            self._bring_in(inputs[0])
        self.meet(inputs, expected=self.watch.brings_tensors)
        is_view = targets and not call.writes and all(map(self.storages.knows, targets))
        if call.free or is_view or not (inputs or targets):
            return
        for target in targets:
            self.storages.add(target, made=True, depth=self._floor)
        if call.name not in EMPTY:
            targets = list({id(target): target for target in targets}.values())
            row = self._row(func, call.name, arguments, inputs)
            self._record(Op(func, call.name, row, arguments, targets, self._read, self._floor))

    def _row(self, func: Any, name: str, arguments: dict[str, Any], inputs: Any) -> Row:
        """The row of the table for this call. Where there is none, it is named in `unknown`."""
        dense = all(tensor.layout is torch.strided for tensor in inputs)
        if getattr(func, "namespace", "") == "aten" and dense and not arguments.get("reduce"):
            name += "_accumulate" if arguments.get("accumulate") else ""
            if name in ROWS:
                return ROWS[name]
            if torch.Tag.pointwise in func.tags:
                return FAMILIES["elementwise"]
            if not inputs:
                return FAMILIES["create"]
        self.unknown.add(str(getattr(func, "_schema", func)).split("(")[0].split(".")[0])
        return _UNKNOWN

    def _record(self, op: Op) -> None:
        try:
            depths = _FLOWS[op.row.flow](op)
        except Exception:  # a form the flow does not know must not break what is measured
            self.unknown.add(f"aten::{op.name} (with these arguments)")
            op = replace(op, row=_UNKNOWN)
            depths = flows.whole(op)
        if not isinstance(depths, list):
            depths = [depths] * max(len(op.outputs), 1)
        deepest = max((int(depth.max(initial=0)) for depth in depths), default=0)
        self.work += op.work
        self.span = max(self.span, deepest)
        depths += [np.asarray(deepest, np.int32)] * (len(op.outputs) - len(depths))
        for target, depth in zip(op.outputs, depths, strict=False):
            if not self.storages.write(target, fit(depth, tuple(target.shape))):
                self._floor = max(self._floor, deepest)  # nowhere to keep it: all wait for it
        if op.name == "_local_scalar_dense":
            self._look(op.tensors[0], deepest)
            return
        if op.name in WAITS or any(place.dtype in (torch.bool, torch.uint8) for place in op.places):
            self._wait(deepest)
        self.launches += 1
        if self._limit is not None and self.launches > self._limit:
            raise TooManyLaunches(
                f"more than {self._limit:,} operations were started: is there a loop over single "
                "elements, or one that does not end?"
            )

    def _read(self, tensor: torch.Tensor) -> Depths:
        depth = self.storages.read(tensor)
        return np.maximum(depth, np.int32(self._floor)) if self._floor else depth

    def _wait(self, depth: int) -> None:
        """The program waits for a value at this depth: nothing after it starts earlier."""
        self.waits += 1
        self._floor = max(self._floor, depth)

    def _look(self, value: torch.Tensor, depth: int) -> None:
        """The program looks at one number: to decide something, or to take it away."""
        if self.watch.call in LEAVES:
            return  # _leave has seen it
        self._wait(depth)
        if self.watch.call is None and value.dtype is not torch.bool:
            self.escapes.add("item")  # in TorchScript

    def _leave(self, how: str, tensor: torch.Tensor) -> None:
        """`tensor` leaves torch, and the program waits for it."""
        with unobserved():
            self.escapes.add(how)
            self.meet([plain(tensor)])
            self._wait(int(self.storages.read(plain(tensor)).max(initial=0)))

    def _bring_in(self, tensor: torch.Tensor) -> None:
        """A tensor made from numbers that Python or NumPy had. Single numbers and integers are
        taken for constants."""
        self.storages.add(tensor, made=True, depth=self._floor)
        if not tensor.untyped_storage().resizable():  # memory that is not torch's own
            self.escapes.add("a NumPy array came in")
        elif tensor.numel() > 1 and (tensor.is_floating_point() or tensor.is_complex()):
            self.escapes.add("a list of numbers came in")


_FLOWS: dict[str, Callable[[Op], Depths | list[Depths]]] = {
    name: getattr(module, name)
    for module in (flows, products)
    for name in vars(module)
    if name in {row.flow for row in FAMILIES.values()}
}


@contextmanager
def unobserved() -> Iterator[None]:
    """Torch calls inside are seen by no mode, ours or another's."""
    with torch._C._DisableTorchDispatch(), torch._C.DisableTorchFunction():
        yield


@dataclass(frozen=True)
class _Signature:
    """What is known of an operation before it runs.

    name       torch's, without "aten::" and a last underscore
    free       it moves no data
    composite  it is made of operations that have rows of their own
    names      of its arguments, and their defaults
    writes     names of the arguments it changes; outs: those of them that are only written to
    """

    name: str
    free: bool
    composite: bool
    names: tuple[str, ...]
    defaults: dict[str, Any]
    writes: tuple[str, ...]
    outs: tuple[str, ...]

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name."""
        names = self.names or map(str, range(len(args)))
        return {**self.defaults, **dict(zip(names, args, strict=False)), **kwargs}


@cache
def _signature(func: Any) -> _Signature:
    schema = getattr(func, "_schema", None)
    if schema is None:  # control flow as one operation (`torch.cond`): its arguments lack names
        return _Signature(str(func), False, False, (), {}, (), ())
    arguments = schema.arguments
    name = schema.name.split("::")[1].removesuffix("_")
    return _Signature(
        name=name,
        free=name in FREE or torch.Tag.inplace_view in func.tags,
        composite=name not in ROWS
        and torch._C._dispatch_has_kernel_for_dispatch_key(
            func.name(), "CompositeImplicitAutograd"
        ),
        names=tuple(a.name for a in arguments),
        defaults={a.name: a.default_value for a in arguments if a.has_default_value()},
        writes=tuple(a.name for a in arguments if a.alias_info and a.alias_info.is_write),
        outs=tuple(a.name for a in arguments if a.is_out),
    )
