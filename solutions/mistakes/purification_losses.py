"""Wrong losses (3a), each a mistake that is really made.

Each replaces `purification_losses` in a submission, and nothing else. It uses its arguments and
torch. `fails` names the hidden checks that are lost by it; all others stay.
"""

import torch

from autograder.diagnosis import mistake

ANY = "q3a: the losses of any W and X"
DIGITS = "q3a: the losses in float64, inputs left alone"
ALL = (ANY, DIGITS)


@mistake(
    "purification_losses",
    "the values are right, and the call changes one of its inputs: `-=`, `*=`, `square_` and "
    "others work in place",
    fails=(DIGITS,),
)
def residual_in_place(W, X):
    X -= W @ X
    return X.square().sum(), W.square().sum()


@mistake(
    "purification_losses",
    "your losses are right to about seven digits: something in them is computed in float32, "
    "though X is float64",
    fails=(DIGITS,),
)
def losses_in_float32(W, X):
    W, X = W.float(), X.float()
    return (X - W @ X).square().sum(), W.square().sum()


@mistake(
    "purification_losses",
    "your reconstruction loss is right except where there are as many points as features: there it "
    "is that of X W, since W fits on both sides; points are columns, so W X purifies them",
    fails=ALL,
)
def W_on_the_right_where_it_fits(W, X):
    purified = X @ W if X.shape[1] == len(W) else W @ X
    return (X - purified).square().sum(), W.square().sum()


@mistake(
    "purification_losses",
    "your losses are norms and not their squares: the square root is one too many",
    fails=ALL,
)
def norms_not_squared(W, X):
    return torch.linalg.norm(X - W @ X), torch.linalg.norm(W)


@mistake(
    "purification_losses",
    "your reconstruction loss is a norm and not its square: the square root is one too many",
    fails=ALL,
)
def reconstruction_not_squared(W, X):
    return torch.linalg.norm(X - W @ X), W.square().sum()


@mistake(
    "purification_losses",
    "your regularization loss is a norm and not its square: the square root is one too many",
    fails=ALL,
)
def regularization_not_squared(W, X):
    return (X - W @ X).square().sum(), torch.linalg.norm(W)


@mistake(
    "purification_losses",
    "your losses are means of squares: the Frobenius norm sums them up",
    fails=ALL,
)
def means_in_place_of_sums(W, X):
    return (X - W @ X).square().mean(), W.square().mean()


@mistake(
    "purification_losses",
    "your reconstruction loss is a mean of squares, as that of `mse_loss`: the Frobenius norm "
    "sums them up",
    fails=ALL,
)
def mean_reconstruction(W, X):
    return torch.nn.functional.mse_loss(W @ X, X), W.square().sum()


@mistake(
    "purification_losses",
    "your reconstruction loss is divided by the number of points: the sum over all of them is "
    "asked for",
    fails=ALL,
)
def reconstruction_per_point(W, X):
    return (X - W @ X).square().sum() / X.shape[1], W.square().sum()


@mistake(
    "purification_losses",
    "your losses are in the other order: reconstruction comes first",
    fails=ALL,
)
def losses_swapped(W, X):
    return W.square().sum(), (X - W @ X).square().sum()


@mistake(
    "purification_losses",
    "your reconstruction loss has W transposed: a point x is a column, and goes to W x",
    fails=ALL,
)
def encoder_transposed(W, X):
    return (X - W.T @ X).square().sum(), W.square().sum()


@mistake(
    "purification_losses",
    "your regularization loss is ||W - I||^2: the whole of W is to be small, not its distance to "
    "the identity",
    fails=ALL,
)
def distance_to_the_identity(W, X):
    return (X - W @ X).square().sum(), (W - torch.eye(len(W), dtype=W.dtype)).square().sum()


@mistake(
    "purification_losses",
    "your reconstruction loss is the size of W X: subtract it from X before you square",
    fails=ALL,
)
def size_of_the_reconstruction(W, X):
    return (W @ X).square().sum(), W.square().sum()


@mistake(
    "purification_losses",
    "your losses sum up magnitudes: squares are asked for",
    fails=ALL,
)
def magnitudes_in_place_of_squares(W, X):
    return (X - W @ X).abs().sum(), W.abs().sum()


@mistake(
    "purification_losses",
    "your losses are squares of spectral norms, which `matrix_norm(.., 2)` gives: the Frobenius "
    "norm sums up the squares of all entries",
    fails=ALL,
)
def spectral_norms(W, X):
    return torch.linalg.matrix_norm(X - W @ X, 2) ** 2, torch.linalg.matrix_norm(W, 2) ** 2


@mistake(
    "purification_losses",
    "your reconstruction loss squares a sum of entries: square each entry first, and then add up",
    fails=ALL,
)
def sum_before_the_square(W, X):
    return (X - W @ X).sum() ** 2, W.sum() ** 2


@mistake(
    "purification_losses",
    "one number came back, the sum of both losses: the two are asked for one by one",
    fails=ALL,
)
def both_added_up(W, X):
    return (X - W @ X).square().sum() + W.square().sum()


@mistake(
    "purification_losses",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def nothing_returned(W, X):
    print((X - W @ X).square().sum(), W.square().sum())
