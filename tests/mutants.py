"""Programs that differ from a given one in one place, as slips of the pen do.

Comes in: the source of a function. Goes out: mutants, each with what was changed. Some of them
compute the same as before (`x.clone()` without the clone); most are wrong, a few never end.
"""

from __future__ import annotations

import ast
import copy
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_SWAPPED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
}
_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_COMMUTING = (ast.Mult, ast.Add)
_MODULES = ("torch", "F", "math")


@dataclass(frozen=True)
class Mutant:
    """`change` tells what was changed, as `before -> after`; `source` is the whole function."""

    change: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a function, in the order of its lines; its docstring is left alone."""
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    if ast.get_docstring(function) is not None:
        del function.body[0]
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    for index, node in enumerate(nodes):
        for new in _replacements(node):
            twin = copy.deepcopy(function)
            target = [n for statement in twin.body for n in ast.walk(statement)][index]
            mutated = ast.unparse(ast.fix_missing_locations(_Replace(target, new).visit(twin)))
            yield Mutant(f"{_said(node)} -> {_said(new)}", mutated)


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, new: ast.AST):
        self.target, self.new = target, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.target else self.generic_visit(node)


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of a node."""
    yield from _other_arithmetic(node)
    match node:
        case ast.Attribute(value, "T" | "mT" | "H"):
            yield value
        case ast.Call(ast.Attribute(value), args, keywords):
            if not isinstance(value, ast.Name) or value.id not in _MODULES:
                yield value  # the method left out
            for keyword in keywords:
                yield ast.Call(node.func, args, [k for k in keywords if k is not keyword])
        case ast.Slice(lower, ast.expr() as upper, None):
            yield ast.Slice(lower, ast.BinOp(upper, ast.Sub(), ast.Constant(1)), None)
            yield ast.Slice(lower, None, None)
        case ast.Slice(ast.expr(), None, None):
            yield ast.Slice(None, None, None)
        case ast.AugAssign(target, _, value):
            yield ast.Assign([target], value, lineno=0)
            yield ast.Pass()
        case ast.Expr() | ast.Assign():
            yield ast.Pass()
        case ast.Return():
            yield ast.Return(None)


def _other_arithmetic(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.BinOp(left, operator, right):
            if type(operator) in _SWAPPED:
                yield ast.BinOp(left, _SWAPPED[type(operator)](), right)
            if not isinstance(operator, _COMMUTING):
                yield ast.BinOp(right, operator, left)
            yield left
        case ast.Compare(left, [operator], [right]) if type(operator) in _COMPARED:
            yield ast.Compare(left, [_COMPARED[type(operator)]()], [right])
        case ast.UnaryOp(ast.USub(), operand):
            yield operand
        case ast.Constant(int(value)) if not isinstance(value, bool):
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
        case ast.Constant(float(value)):
            yield ast.Constant(2 * value)


def _said(node: ast.AST) -> str:
    return "(none)" if isinstance(node, ast.Pass) else ast.unparse(node)


class TooLong(BaseException):
    """A mutant used too much of the processor's time. No `except Exception` swallows it."""


@contextmanager
def bounded(seconds: float, new_bytes: int = 1 << 30) -> Iterator[None]:
    """Stop what runs inside after `seconds` of the processor's time (TooLong), and when it asks for
    much memory (MemoryError, RuntimeError)."""

    def stop(*_: object) -> None:
        raise TooLong

    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[5]) * resource.getpagesize()  # data and stack
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    before = signal.signal(signal.SIGPROF, stop)
    resource.setrlimit(resource.RLIMIT_DATA, (now + new_bytes, hard))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        signal.signal(signal.SIGPROF, before)


def function_named(name: str, sources: tuple[str, ...]) -> str:
    """The source of the function `name` that stands in one of `sources`."""
    for source in sources:
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return ast.unparse(node)
    raise LookupError(name)
