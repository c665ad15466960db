"""Small matrices of fractions: what is equal here is equal, and no rounding is to be argued about.

A matrix is a list of rows; the numbers are `Fraction`s. Sizes are those of a counterexample, at
most four by eight or so.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

Matrix = list[list[Fraction]]


class SingularError(ArithmeticError):
    """A matrix that has no inverse."""


def identity(n: int, scale: Fraction = Fraction(1)) -> Matrix:
    """scale times I (n, n)."""
    return [[scale * (i == j) for j in range(n)] for i in range(n)]


def zeros(rows: int, columns: int) -> Matrix:
    return [[Fraction(0)] * columns for _ in range(rows)]


def column(entries: Sequence[Fraction]) -> Matrix:
    """A vector (n,) as a column (n, 1)."""
    return [[entry] for entry in entries]


def transpose(A: Matrix) -> Matrix:
    return [list(row) for row in zip(*A, strict=True)]


def plus(A: Matrix, B: Matrix, factor: Fraction = Fraction(1)) -> Matrix:
    """A + factor B."""
    return [[a + factor * b for a, b in zip(*rows, strict=True)] for rows in zip(A, B, strict=True)]


def product(*factors: Matrix) -> Matrix:
    """The matrix product of two or more factors."""
    result, *others = factors
    for other in others:
        columns = transpose(other)
        result = [
            [sum((a * b for a, b in zip(row, c, strict=True)), Fraction(0)) for c in columns]
            for row in result
        ]
    return result


def power(A: Matrix, exponent: int) -> Matrix:
    """A^exponent, for exponent >= 0."""
    result = identity(len(A))
    for _ in range(exponent):
        result = product(result, A)
    return result


def inverse(A: Matrix) -> Matrix:
    """A^{-1}, by elimination. Raises SingularError."""
    n = len(A)
    rows = [row + unit for row, unit in zip(A, identity(n), strict=True)]  # [A | I]
    for i in range(n):
        pivot = next((r for r in range(i, n) if rows[r][i]), None)
        if pivot is None:
            raise SingularError("this matrix has no inverse")
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [entry / rows[i][i] for entry in rows[i]]
        for r in range(n):
            if r != i and rows[r][i]:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [row[n:] for row in rows]


def squares(A: Matrix) -> Fraction:
    """||A||_F^2, the sum of the squares of all entries."""
    return sum((entry * entry for row in A for entry in row), Fraction(0))


def shown(value: Fraction | Sequence[Any]) -> str:
    """A number, or a nested list of them, short: 2, 0.333333, [[1, 2], [3, 4]]."""
    if not isinstance(value, Fraction):
        return f"[{', '.join(map(shown, value))}]"
    if value.denominator == 1 and abs(value) < 10**9:
        return str(value)
    return f"{float(value):.6g}"
