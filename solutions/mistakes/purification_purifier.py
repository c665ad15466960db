"""Wrong purifiers (3b), each a mistake that is really made.

Each replaces `purifier` in a submission, and nothing else. It uses its arguments and torch. `fails`
names the hidden checks that are lost by it; all others stay.
"""

import torch

from autograder.diagnosis import mistake

WIDE = "q3b: the purifier of more points than features"
DEFICIENT = "q3b: the purifier where directions hold no data"
SMALL = "q3b: the purifier at small lam"
DIGITS = "q3b: all the digits of float64, inputs left alone"
ALL = (WIDE, DEFICIENT, SMALL, DIGITS)

SQUARES = (
    "your purifier is right on paper, and loses its digits at small lam: X X^T squares the "
    "singular values, and float32 cannot hold both ends (take the SVD of X itself, or float64)"
)


@mistake(
    "purifier",
    "the values are right, and the call changes one of its inputs: `-=`, `*=`, `copy_` and others "
    "work in place",
    fails=(DIGITS,),
)
def data_scaled_in_place(X, lam):
    X /= lam**0.5
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U * (s**2 / (s**2 + 1)) @ U.T


@mistake(
    "purifier",
    "your purifier is right to about seven digits: something in it is computed in float32, though "
    "X is float64",
    fails=(DIGITS,),
)
def purifier_in_float32(X, lam):
    U, s, _ = torch.linalg.svd(X.float(), full_matrices=False)
    return U * (s**2 / (s**2 + lam)) @ U.T


@mistake("purifier", SQUARES, fails=(SMALL,))
def normal_equations(X, lam):
    G = X @ X.T
    return torch.linalg.solve(G + lam * torch.eye(len(X), dtype=X.dtype), G)


@mistake("purifier", SQUARES, fails=(SMALL,))
def normal_equations_by_an_inverse(X, lam):
    G = X @ X.T
    return G @ torch.linalg.inv(G + lam * torch.eye(len(X), dtype=X.dtype))


@mistake("purifier", SQUARES, fails=(SMALL,))
def inverse_on_the_left(X, lam):
    G = X @ X.T
    return torch.linalg.inv(G + lam * torch.eye(len(X), dtype=X.dtype)) @ G


@mistake("purifier", SQUARES, fails=(SMALL,))
def eigenvectors_of_the_squares(X, lam):
    squares, U = torch.linalg.eigh(X @ X.T)
    return U * (squares / (squares + lam)) @ U.T


@mistake("purifier", SQUARES, fails=(SMALL,))
def eigenvectors_of_the_squares_none_negative(X, lam):
    squares, U = torch.linalg.eigh(X @ X.T)
    squares = squares.clamp(min=0)
    return U * (squares / (squares + lam)) @ U.T


@mistake(
    "purifier",
    "your purifier is right to about three digits: something in it is computed in half precision",
    fails=ALL,
)
def purifier_in_half_precision(X, lam):
    U, s, _ = torch.linalg.svd(X.half().to(X.dtype), full_matrices=False)
    return U * (s**2 / (s**2 + lam)).half() @ U.T


@mistake(
    "purifier",
    "your purifier uses lam squared: the factor is sigma^2 / (sigma^2 + lam)",
    fails=ALL,
)
def lam_squared(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U * (s**2 / (s**2 + lam**2)) @ U.T


@mistake(
    "purifier",
    "your purifier leaves out lam: it projects onto the directions that hold data, and shrinks "
    "none",
    fails=ALL,
)
def lam_forgotten(X, lam):
    U = torch.linalg.svd(X, full_matrices=False)[0][:, : int(torch.linalg.matrix_rank(X))]
    return U @ U.T


@mistake(
    "purifier",
    "your purifier is X X^T over itself, without lam: the identity, wherever that can be computed "
    "at all",
    fails=ALL,
)
def identity_returned(X, lam):
    return torch.eye(len(X), dtype=X.dtype)


@mistake(
    "purifier",
    "your purifier multiplies lam by the number of points: both norms in the loss are sums, not "
    "means",
    fails=ALL,
)
def lam_times_n(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U * (s**2 / (s**2 + lam * X.shape[1])) @ U.T


@mistake(
    "purifier",
    "your purifier divides lam by the number of points (or uses X X^T / n with it the other way "
    "round): both norms in the loss are sums, not means",
    fails=ALL,
)
def lam_over_n(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U * (s**2 / (s**2 + lam / X.shape[1])) @ U.T


@mistake(
    "purifier",
    "your purifier takes away the mean of the points first: the loss is that of X as it is",
    fails=ALL,
)
def data_centred(X, lam):
    U, s, _ = torch.linalg.svd(X - X.mean(1, keepdim=True), full_matrices=False)
    return U * (s**2 / (s**2 + lam)) @ U.T


@mistake(
    "purifier",
    "your purifier has sigma / (sigma + lam): square the singular values",
    fails=ALL,
)
def values_not_squared(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U * (s / (s + lam)) @ U.T


@mistake(
    "purifier",
    "your purifier has sigma / (sigma^2 + lam), the factor of a ridge regression's weights: here "
    "X is its own target, and one more sigma stays on top",
    fails=ALL,
)
def one_sigma_short(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U * (s / (s**2 + lam)) @ U.T


@mistake(
    "purifier",
    "your purifier returns (X X^T + lam I)^-1 alone: it is still to be multiplied by X X^T",
    fails=ALL,
)
def inverse_alone(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=True)
    squares = torch.zeros(len(X), dtype=X.dtype)
    squares[: len(s)] = s**2
    return U / (squares + lam) @ U.T


@mistake(
    "purifier",
    "your purifier cuts where ridge shrinks: it keeps a direction whole if sigma^2 is above lam, "
    "and drops it otherwise",
    fails=ALL,
)
def hard_threshold(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U * (s**2 > lam).to(s.dtype) @ U.T


@mistake(
    "purifier",
    "your purifier is that of PCA: it keeps the larger half of the directions whole and drops the "
    "others, and lam has no part in it",
    fails=ALL,
)
def half_of_the_components(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U * (torch.arange(len(s)) < (len(s) + 1) // 2).to(s.dtype) @ U.T


@mistake(
    "purifier",
    "your purifier subtracts: its factors are max(1 - lam / sigma^2, 0), where sigma^2 / (sigma^2 "
    "+ lam) is asked for",
    fails=ALL,
)
def soft_threshold(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U * (1 - lam / s.clamp(min=1e-30) ** 2).clamp(min=0) @ U.T


@mistake(
    "purifier",
    "your purifier keeps what is to go: its factors are lam / (sigma^2 + lam), those of I - W",
    fails=ALL,
)
def what_is_lost(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=True)
    squares = torch.zeros(len(X), dtype=X.dtype)
    squares[: len(s)] = s**2
    return U * (lam / (squares + lam)) @ U.T


@mistake(
    "purifier",
    "your purifier is (n, n), made of V in the place of U, or with points as rows: points are "
    "columns of X, and directions of features are columns of U",
    fails=ALL,
)
def V_in_place_of_U(X, lam):
    _, s, Vh = torch.linalg.svd(X, full_matrices=False)
    return Vh.T * (s**2 / (s**2 + lam)) @ Vh


@mistake(
    "purifier",
    "your purifier has U transposed: U^T diag(..) U, where U diag(..) U^T is asked for",
    fails=ALL,
)
def U_transposed(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=True)
    squares = torch.zeros(len(X), dtype=X.dtype)
    squares[: len(s)] = s**2
    return U.T * (squares / (squares + lam)) @ U


@mistake(
    "purifier",
    "your purifier is U diag(..), without U^T: after shrinking, the coordinates are to be turned "
    "back",
    fails=ALL,
)
def last_factor_left_out(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=True)
    squares = torch.zeros(len(X), dtype=X.dtype)
    squares[: len(s)] = s**2
    return U * (squares / (squares + lam))


@mistake(
    "purifier",
    "your purifier is a diagonal matrix, the factors alone: it shrinks along the axes, and not "
    "along the singular vectors",
    fails=ALL,
)
def factors_alone(X, lam):
    s = torch.linalg.svdvals(X)
    squares = torch.zeros(len(X), dtype=X.dtype)
    squares[: len(s)] = s**2
    return torch.diag(squares / (squares + lam))


@mistake(
    "purifier",
    "your purifier cannot do with fewer points than features: U has m columns there and n "
    "singular values belong to it (`full_matrices=False`, or zeros for the others)",
    fails=(DEFICIENT,),
)
def full_U_with_few_values(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=True)
    return U @ torch.diag(s**2 / (s**2 + lam)) @ U.T


@mistake(
    "purifier",
    "what came back is W X, the purified data: the matrix W itself is asked for",
    fails=ALL,
)
def purified_data(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U * (s**2 / (s**2 + lam)) @ U.T @ X


@mistake(
    "purifier",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def nothing_returned(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    U * (s**2 / (s**2 + lam)) @ U.T
