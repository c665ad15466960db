"""Wrong ridge regressions (4b), each a mistake that is really made.

Each replaces `ridge_weights` in a submission, and nothing else. It uses its arguments and torch, so
its source can be pasted in a notebook. `fails` names the hidden checks that are lost by it; all
others stay.
"""

import torch

from autograder.diagnosis import mistake

MANY = "q4b: more examples than entries"
FEW = "q4b: fewer examples than entries"
DOUBLE = "q4b: the digits of float64, inputs left alone"
ALL = (MANY, FEW, DOUBLE)


@mistake(
    "ridge_weights",
    "the values are right, and the call changes the shape of one of its inputs: `unsqueeze_` "
    "works in place, `unsqueeze` and `y[:, None]` do not",
    fails=(DOUBLE,),
)
def y_made_a_column_in_place(X, y, lam):
    M = lam * torch.eye(X.shape[1], dtype=X.dtype) + X.T @ X
    return torch.linalg.solve(M, X.T @ y.unsqueeze_(1)).squeeze(1)


@mistake(
    "ridge_weights",
    "your weights are right to about seven digits: `torch.eye(d)` is float32, and lam is rounded "
    "in it, where `torch.eye(d, dtype=X.dtype)` goes with X",
    fails=(DOUBLE,),
)
def ridge_without_dtype(X, y, lam):
    return torch.linalg.solve(X.T @ X + lam * torch.eye(X.shape[1]), X.T @ y)


@mistake(
    "ridge_weights",
    "your weights are those of least squares: lam is not in them",
    fails=ALL,
)
def least_squares(X, y, lam):
    return torch.linalg.pinv(X) @ y


@mistake(
    "ridge_weights",
    "your weights are those of lam squared: the ridge itself is added to the diagonal",
    fails=ALL,
)
def lam_squared(X, y, lam):
    M = lam**2 * torch.eye(X.shape[1], dtype=X.dtype) + X.T @ X
    return torch.linalg.solve(M, X.T @ y)


@mistake(
    "ridge_weights",
    "your weights are those of lam times n: lam stands beside sums over the examples, not means",
    fails=ALL,
)
def means_in_place_of_sums(X, y, lam):
    M = lam * torch.eye(X.shape[1], dtype=X.dtype) + X.T @ X / len(X)
    return torch.linalg.solve(M, X.T @ y / len(X))


@mistake(
    "ridge_weights",
    "your weights are those of lam divided by n: lam is not shared out over the examples",
    fails=ALL,
)
def lam_over_n(X, y, lam):
    M = lam / len(X) * torch.eye(X.shape[1], dtype=X.dtype) + X.T @ X
    return torch.linalg.solve(M, X.T @ y)


@mistake(
    "ridge_weights",
    "your weights are those of 2 lam: the sum of squares has no 1/2 in front of it here",
    fails=ALL,
)
def lam_doubled(X, y, lam):
    M = 2 * lam * torch.eye(X.shape[1], dtype=X.dtype) + X.T @ X
    return torch.linalg.solve(M, X.T @ y)


@mistake(
    "ridge_weights",
    "your matrix has lam added to every entry: lam I has it on the diagonal only",
    fails=ALL,
)
def lam_on_every_entry(X, y, lam):
    M = X.T @ X + lam
    return torch.linalg.pinv(M) @ (X.T @ y)


@mistake(
    "ridge_weights",
    "your matrix has lam taken away from the diagonal, where it is to be added",
    fails=ALL,
)
def lam_subtracted(X, y, lam):
    M = X.T @ X - lam * torch.eye(X.shape[1], dtype=X.dtype)
    return torch.linalg.solve(M, X.T @ y)


@mistake(
    "ridge_weights",
    "your weights multiply by the matrix lam I + X^T X, where its inverse is asked for",
    fails=ALL,
)
def not_inverted(X, y, lam):
    return (lam * torch.eye(X.shape[1], dtype=X.dtype) + X.T @ X) @ (X.T @ y)


@mistake(
    "ridge_weights",
    "your matrix is inverted entry by entry: `1 / M` is not the inverse of a matrix",
    fails=ALL,
)
def entries_inverted(X, y, lam):
    return (1 / (lam * torch.eye(X.shape[1], dtype=X.dtype) + X.T @ X)) @ (X.T @ y)


@mistake(
    "ridge_weights",
    "your weights take each entry of x by itself: the matrix has entries off its diagonal too",
    fails=ALL,
)
def only_the_diagonal(X, y, lam):
    return X.T @ y / (lam + (X**2).sum(0))


@mistake(
    "ridge_weights",
    "your inputs and targets are centred first, as for a fit with an offset: none is asked for",
    fails=ALL,
)
def centred(X, y, lam):
    X, y = X - X.mean(0), y - y.mean()
    M = lam * torch.eye(X.shape[1], dtype=X.dtype) + X.T @ X
    return torch.linalg.solve(M, X.T @ y)


@mistake(
    "ridge_weights",
    "your result holds predictions for the examples, X w: the weights w are asked for",
    fails=ALL,
)
def predictions_returned(X, y, lam):
    M = lam * torch.eye(X.shape[1], dtype=X.dtype) + X.T @ X
    return X @ torch.linalg.solve(M, X.T @ y)


@mistake(
    "ridge_weights",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def ridge_not_returned(X, y, lam):
    torch.linalg.solve(lam * torch.eye(X.shape[1], dtype=X.dtype) + X.T @ X, X.T @ y)
