"""Claims 1 to 9, about Problem 1: powers of A, scans over them, and A with structure."""

from __future__ import annotations

from fractions import Fraction

from labkit.referee.claims import Evaluation, claim, fits
from labkit.referee.exact import (
    Matrix,
    column,
    identity,
    plus,
    power,
    product,
    shown,
    squares,
    transpose,
    zeros,
)
from labkit.referee.plain import number, row, table, whole


@claim(1, A=table(3, 3, square=True), B=row(1, 3), u=row(1, 8))
def states(A: Matrix, B: list[Fraction], u: list[Fraction]) -> Evaluation:
    """x_k by the recurrence, and as sum_{l<k} A^{k-1-l} B u_l."""
    fits(len(B) == len(A), "B is to have as many numbers as A has rows")
    k, x = len(u), zeros(len(A), 1)
    for u_l in u:
        x = plus(product(A, x), column(B), u_l)
    summed = zeros(len(A), 1)
    for lag, u_l in enumerate(u):
        summed = plus(summed, product(power(A, k - 1 - lag), column(B)), u_l)
    said = f"the recurrence gives x_{k} = {shown(_flat(x))}, the sum {shown(_flat(summed))}"
    return Evaluation(x == summed, said)


@claim(2, A=table(3, 3, square=True), L=whole(1, 8))
def scan_of_powers(A: Matrix, L: int) -> Evaluation:
    """The prefix products of I, A, A^2, ..., A^{L-1}, against these powers."""
    powers = [power(A, exponent) for exponent in range(L)]
    prefixes = [powers[0]]
    for factor in powers[1:]:
        prefixes.append(product(prefixes[-1], factor))
    apart = next((i for i in range(L) if prefixes[i] != powers[i]), None)
    if apart is None:
        return Evaluation(True, f"all {L} prefixes are the powers A^0, ..., A^{L - 1}")
    said = f"prefix number {apart} is {shown(prefixes[apart])}, and A^{apart} is "
    return Evaluation(False, said + shown(powers[apart]))


@claim(3, n=whole(1, 64), m=whole(1, 64), r=whole(1, 64), L=whole(1, 64))
def work(n: int, m: int, r: int, L: int) -> Evaluation:
    """Multiplications of the program that begins with B, counted product by product."""
    count, X = 0, (n, m)  # X holds A^{l-1} B
    for tap in range(1, L + 1):
        count += r * X[0] * X[1]  # K_l = C X, (r, n) times (n, m)
        if tap < L:
            count += n * X[0] * X[1]  # X <- A X, (n, n) times (n, m)
    said = f"X <- A X, starting from B, and C X make {count} multiplications; L n^3 is {L * n**3}"
    return Evaluation(count >= L * n**3, said)


@claim(4, lam=row(1, 4), B=table(4, 3), C=table(3, 4), l=whole(1, 8))
def sum_over_states(lam: list[Fraction], B: Matrix, C: Matrix, l: int) -> Evaluation:  # noqa: E741
    """C A^{l-1} B for A = diag(lam), and the sum over i of lam_i^{l-1} c_i b_i^T."""
    n = len(lam)
    fits(len(B) == n and len(C[0]) == n, "B has a row, and C a column, for each number of lam")
    A = [[lam[i] * (i == j) for j in range(n)] for i in range(n)]
    tap = product(C, power(A, l - 1), B)
    summed = zeros(len(C), len(B[0]))
    for i in range(n):
        c, b = [line[i] for line in C], [B[i]]  # column i of C; row i of B, as a matrix (1, m)
        summed = plus(summed, product(column(c), b), lam[i] ** (l - 1))
    return Evaluation(tap == summed, f"K_{l} = {shown(tap)}, and the sum is {shown(summed)}")


@claim(5, lam=row(2, 4), L=whole(2, 8))
def hankel(lam: list[Fraction], L: int) -> Evaluation:
    """The matrix (L, n) with lam_i^{l-1} in row l and column i: is it constant where l + i is?"""
    H = [[entry**exponent for entry in lam] for exponent in range(L)]
    for i in range(L - 1):
        for j in range(len(lam) - 1):
            if H[i][j + 1] != H[i + 1][j]:
                said = f"row {i + 1}, column {j + 2} holds {shown(H[i][j + 1])}, and row {i + 2}, "
                return Evaluation(False, f"{said}column {j + 1} holds {shown(H[i + 1][j])}")
    return Evaluation(True, "entries with the same l + i are the same throughout")


@claim(6, n=whole(1, 1024), L=whole(1, 1024))
def depth(n: int, L: int) -> Evaluation:
    """Levels of K_L as it is written: its powers first, a product with each, and the sum."""
    powers = _levels(L - 1)  # a product of two at most doubles the exponent
    needed = powers + 1 + _levels(n)
    claimed = 1 + _levels(n)
    said = f"lam_i^{L - 1} takes {powers} levels, all in all {needed}; claimed are {claimed}"
    return Evaluation(needed <= claimed, said)


@claim(7, p=row(1, 4), sigma=number(), k=whole(0, 8))
def recurrence(p: list[Fraction], sigma: Fraction, k: int) -> Evaluation:
    """A^k by multiplication, and I + beta_k p p^T with beta from the recurrence of the claim."""
    v, beta = _length(p), Fraction(0)
    for _ in range(k):
        beta = 1 + (1 + sigma * v) * beta
    return _same_power(p, sigma, k, beta)


@claim(8, p=row(1, 4), sigma=number(), k=whole(0, 8))
def closed_form(p: list[Fraction], sigma: Fraction, k: int) -> Evaluation:
    """A^k by multiplication, and I + beta_k p p^T with beta in closed form."""
    v = _length(p)
    fits(v != 0, "p is not to be zero")
    return _same_power(p, sigma, k, ((1 + sigma * v) ** k - 1) / v)


@claim(9, p=row(1, 4), i=whole(0, 8), j=whole(0, 8))
def merge(p: list[Fraction], i: int, j: int) -> Evaluation:
    """beta_{i+j}, and what the rule makes of beta_i, beta_j and beta_{i+j} (sigma = 1)."""
    v = _length(p)
    beta = [Fraction(0)]
    for _ in range(i + j):
        beta.append(1 + (1 + v) * beta[-1])
    merged = beta[i + j] + beta[i] * beta[j] * v
    said = f"the rule gives {shown(merged)}, and beta_{i + j} is {shown(beta[i + j])}"
    return Evaluation(merged == beta[i + j], said)


def _same_power(p: list[Fraction], sigma: Fraction, k: int, beta: Fraction) -> Evaluation:
    dyad = product(column(p), transpose(column(p)))  # p p^T
    exact = power(plus(identity(len(p)), dyad, sigma), k)
    claimed = plus(identity(len(p)), dyad, beta)
    said = f"beta_{k} = {shown(beta)} gives {shown(claimed)}, and A^{k} is {shown(exact)}"
    return Evaluation(exact == claimed, said)


def _length(p: list[Fraction]) -> Fraction:
    """||p||^2."""
    return squares(column(p))


def _levels(count: int) -> int:
    """ceil(log2(count)): the levels that combining `count` things two by two takes."""
    return max(count - 1, 0).bit_length()


def _flat(x: Matrix) -> list[Fraction]:
    return [entry for line in x for entry in line]
