"""Claims 14 to 17, about Problem 4: what ridge attention costs, and how its inverse is kept."""

from __future__ import annotations

from fractions import Fraction

from labkit.referee.claims import Evaluation, claim, fits
from labkit.referee.exact import Matrix, column, identity, inverse, plus, product, shown, transpose
from labkit.referee.plain import number, table, whole


@claim(14, n=whole(1, 1024), d=whole(1, 1024))
def layer(n: int, d: int) -> Evaluation:
    """Multiplications of the layer that is not causal, step by step, with d <= n."""
    fits(d <= n, "d is to be n at most")
    count = 2 * n * d**2  # K^T K and K^T V
    count += 2 * d**3  # the inverse, and its product with K^T V
    count += n * d**2  # all queries
    said = f"it makes {count} multiplications, and 5 n d^2 is {5 * n * d**2}"
    return Evaluation(count <= 5 * n * d**2, said)


@claim(15, keys=table(6, 3), lam=number(above=0))
def updated_inverse(keys: Matrix, lam: Fraction) -> Evaluation:
    """P_t from the rank-one updates, and the inverse of lam I + sum of k k^T."""
    d = len(keys[0])
    P, S = identity(d, 1 / lam), identity(d, lam)
    for key in map(column, keys):
        Pk = product(P, key)  # (d, 1)
        rho = 1 + product(transpose(key), Pk)[0][0]
        P = plus(P, product(Pk, transpose(key), P), -1 / rho)
        S = plus(S, product(key, transpose(key)))
    exact = inverse(S)
    return Evaluation(exact == P, f"the updates give {shown(P)}, the inverse is {shown(exact)}")


@claim(16, d=whole(1, 1024))
def order(d: int) -> Evaluation:
    """Multiplications of q (P Z), in the order of its brackets."""
    count = d * d * d + d * d  # P Z, then q times it
    said = f"P Z and then q (P Z) make {count} multiplications, and 2 d^2 is {2 * d * d}"
    return Evaluation(count <= 2 * d * d, said)


@claim(17, t=whole(1, 1024), d=whole(1, 1024))
def further_query(t: int, d: int) -> Evaluation:
    """Multiplications of q P K^T for one more query, P known, in the cheaper order."""
    count = d * d + d * t  # (q P) K^T; the other order never makes fewer
    said = f"q P K^T makes {count} multiplications, and 2 t d is {2 * t * d}"
    return Evaluation(count <= 2 * t * d, said)
