"""Claims 10 to 13, about Problem 3: the best encoder, and the window for lam."""

from __future__ import annotations

from fractions import Fraction

from labkit.referee.claims import Evaluation, claim, fits
from labkit.referee.exact import Matrix, identity, inverse, plus, product, shown, squares, transpose
from labkit.referee.plain import number, table, whole

SIGMA = [Fraction(s) for s in ("10", "8", "4", "1", "0.5", "0.36", "0.16", "0.01")]
KEPT, LEFT = Fraction(8, 10), Fraction(5, 10)


@claim(10, X=table(3, 4), lam=number(above=0), W=table(3, 3, square=True))
def least_loss(X: Matrix, lam: Fraction, W: Matrix) -> Evaluation:
    """L2 of W, and of X X^T (X X^T + lam I)^{-1}."""
    fits(len(W) == len(X), "W has as many rows as X")
    claimed, yours = _loss(_best(X, lam), X, lam), _loss(W, X, lam)
    said = f"L2 is {shown(yours)} for this W, and {shown(claimed)} for the one claimed"
    return Evaluation(claimed <= yours, said)


@claim(11, X=table(3, 4), lam=number(above=0), j=whole(0, 3))
def summands(X: Matrix, lam: Fraction, j: int) -> Evaluation:
    """The minimizer of the summand of column j, and the minimizer of their sum.

    The summand ||x_j - W x_j||^2 + (lam / n) ||W||^2 is the loss for one point and lam / n.
    """
    n = len(X[0])
    fits(j < n, "j is the number of a column of X, counted from 0")
    x = [[line[j]] for line in X]
    alone, together = _best(x, lam / n), _best(X, lam)
    said = f"summand {j} is least at W = {shown(alone)}, their sum at W = {shown(together)}"
    return Evaluation(alone == together, said)


@claim(12, lam=number())
def window_of_two(lam: Fraction) -> Evaluation:
    """Does a lam from 1 to 4 keep the first two, and dim all the others?"""
    fits(1 <= lam <= 4, "lam is to be from 1 to 4")
    return Evaluation(_keeps(2, lam), _factors(2, lam))


@claim(13, lam=number(above=0))
def window_of_three(lam: Fraction) -> Evaluation:
    """Does lam keep the first three and dim the others exactly if it is from 1 to 4?"""
    inside = "inside" if 1 <= lam <= 4 else "outside"
    said = f"lam is {inside} the window; {_factors(3, lam)}"
    return Evaluation(_keeps(3, lam) == (1 <= lam <= 4), said)


def _best(X: Matrix, lam: Fraction) -> Matrix:
    """X X^T (X X^T + lam I)^{-1}; lam > 0, so there is an inverse."""
    G = product(X, transpose(X))
    return product(G, inverse(plus(G, identity(len(X), lam))))


def _loss(W: Matrix, X: Matrix, lam: Fraction) -> Fraction:
    """||X - W X||_F^2 + lam ||W||_F^2."""
    return squares(plus(X, product(W, X), Fraction(-1))) + lam * squares(W)


def _factor(sigma: Fraction, lam: Fraction) -> Fraction:
    return sigma**2 / (sigma**2 + lam)


def _keeps(keep: int, lam: Fraction) -> bool:
    kept = all(_factor(sigma, lam) >= KEPT for sigma in SIGMA[:keep])
    return kept and all(_factor(sigma, lam) <= LEFT for sigma in SIGMA[keep:])


def _factors(keep: int, lam: Fraction) -> str:
    """The two factors that decide."""
    last, following = _factor(SIGMA[keep - 1], lam), _factor(SIGMA[keep], lam)
    return f"direction {keep} keeps {shown(last)}, direction {keep + 1} keeps {shown(following)}"
