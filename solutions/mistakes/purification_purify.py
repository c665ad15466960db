"""Encoders applied in wrong ways (3b), each a mistake that is really made.

Each replaces `purify` in a submission, and nothing else. It uses its arguments and torch. `fails`
names the hidden checks that are lost by it; all others stay.
"""

import torch

from autograder.diagnosis import mistake

ALL = ("q3b: any encoder on one point and on many",)


@mistake(
    "purify",
    "the values are right, and the call changes one of its inputs: `copy_`, `*=` and others work "
    "in place",
    fails=ALL,
)
def overwrites_the_points(W, x):
    x.copy_(W @ x)
    return x


@mistake("purify", "your result has W transposed: a point x goes to W x", fails=ALL)
def encoder_transposed(W, x):
    return W.T @ x


@mistake(
    "purify",
    "your result is x W, or x^T W: points are columns, and W stands on their left",
    fails=ALL,
)
def encoder_on_the_right(W, x):
    return x.T @ W


@mistake(
    "purify",
    "your result has its axes swapped: points are columns, before and after",
    fails=ALL,
)
def points_come_back_in_rows(W, x):
    return (W @ x).T if x.ndim == 2 else W @ x


@mistake("purify", "your result is what is taken away, x - W x", fails=ALL)
def what_is_taken_away(W, x):
    return x - W @ x


@mistake("purify", "your result has W applied twice", fails=ALL)
def applied_twice(W, x):
    return W @ (W @ x)


@mistake(
    "purify",
    "your result adds x back, x + W x: the encoder takes a point to W x, and nothing more",
    fails=ALL,
)
def added_to_the_points(W, x):
    return x + W @ x


@mistake(
    "purify",
    "your result is scaled back to the length of x: shrinking is what the encoder is for",
    fails=ALL,
)
def scaled_to_the_old_length(W, x):
    y = W @ x
    return y * (x.norm(dim=0) / y.norm(dim=0))


@mistake(
    "purify",
    "your result is right for many points, and a column for a single one: x (m,) is to give (m,)",
    fails=ALL,
)
def a_single_point_becomes_a_column(W, x):
    return W @ x.reshape(len(W), -1)


@mistake(
    "purify",
    "your result is the first point's alone: all columns of x are to be purified",
    fails=ALL,
)
def first_point_only(W, x):
    return W @ x if x.ndim == 1 else W @ x[:, 0]


@mistake(
    "purify",
    "your result takes away the mean over the points first: W is to be applied to x as it is",
    fails=ALL,
)
def points_centred(W, x):
    return W @ (x - x.mean(-1, keepdim=True))


@mistake(
    "purify",
    "your result is right to about three digits: something in it is computed in half precision",
    fails=ALL,
)
def applied_in_half_precision(W, x):
    return (W.half() @ x.half()).float()


@mistake(
    "purify",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def nothing_returned(W, x):
    torch.matmul(W, x)
