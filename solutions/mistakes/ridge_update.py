"""Wrong updates of an inverse (4e), each a mistake that is really made.

Each replaces `sherman_morrison` in a submission, and nothing else. It uses its arguments and torch.
`fails` names the hidden checks that are lost by it; all others stay. (A right update made with a
d x d product or an inverse is no mistake of this kind: the check of the work says so itself.)
"""

import torch

from autograder.diagnosis import mistake

VALUES = "q4e: the updated inverse, inputs left alone"
ALL = (VALUES, "q4e: the work of an update grows like d^2")  # work is counted of right values only


@mistake(
    "sherman_morrison",
    "the values are right, and the call changes one of its inputs: `-=` works in place, where "
    "`M_inv = M_inv - ...` makes a new matrix",
    fails=(VALUES,),
)
def inverse_updated_in_place(M_inv, u, v):
    left, right = M_inv @ u, v @ M_inv
    M_inv -= torch.outer(left, right) / (1 + v @ left)
    return M_inv


@mistake(
    "sherman_morrison",
    "your update has lost its denominator, 1 + v^T M^(-1) u",
    fails=ALL,
)
def denominator_lost(M_inv, u, v):
    return M_inv - torch.outer(M_inv @ u, v @ M_inv)


@mistake(
    "sherman_morrison",
    "your denominator is 1 - v^T M^(-1) u: where u v^T is added, it has a plus",
    fails=ALL,
)
def minus_in_the_denominator(M_inv, u, v):
    left, right = M_inv @ u, v @ M_inv
    return M_inv - torch.outer(left, right) / (1 - v @ left)


@mistake(
    "sherman_morrison",
    "your denominator has no 1 in it: it is 1 + v^T M^(-1) u",
    fails=ALL,
)
def no_one_in_the_denominator(M_inv, u, v):
    left, right = M_inv @ u, v @ M_inv
    return M_inv - torch.outer(left, right) / (v @ left)


@mistake(
    "sherman_morrison",
    "your denominator is 1 + v^T u: M^(-1) stands between the two",
    fails=ALL,
)
def no_inverse_in_the_denominator(M_inv, u, v):
    return M_inv - torch.outer(M_inv @ u, v @ M_inv) / (1 + v @ u)


@mistake(
    "sherman_morrison",
    "your correction is added: an inverse becomes smaller where something is added to the matrix,"
    " so it is taken away",
    fails=ALL,
)
def correction_added(M_inv, u, v):
    left, right = M_inv @ u, v @ M_inv
    return M_inv + torch.outer(left, right) / (1 + v @ left)


@mistake(
    "sherman_morrison",
    "your update is that of M + v u^T: u and v have changed places",
    fails=ALL,
)
def u_and_v_swapped(M_inv, u, v):
    left, right = M_inv @ v, u @ M_inv
    return M_inv - torch.outer(left, right) / (1 + u @ left)


@mistake(
    "sherman_morrison",
    "your update takes M^(-1) v for v^T M^(-1): they are the same only if M is symmetric",
    fails=ALL,
)
def symmetric_taken_for_granted(M_inv, u, v):
    left, right = M_inv @ u, M_inv @ v
    return M_inv - torch.outer(left, right) / (1 + v @ left)


@mistake(
    "sherman_morrison",
    "your dyad has M^(-1) u on both sides: its rows are those of v^T M^(-1), which is the same "
    "only if v = u and M is symmetric",
    fails=ALL,
)
def one_vector_on_both_sides(M_inv, u, v):
    left = M_inv @ u
    return M_inv - torch.outer(left, left) / (1 + v @ left)


@mistake(
    "sherman_morrison",
    "your update takes u for v throughout: it is that of M + u u^T with a symmetric M, and here "
    "v^T M^(-1) is needed too",
    fails=ALL,
)
def u_taken_for_v(M_inv, u, v):
    left = M_inv @ u
    return M_inv - torch.outer(left, left) / (1 + u @ left)


@mistake(
    "sherman_morrison",
    "your dyad is u v^T itself: it is made of M^(-1) u and v^T M^(-1)",
    fails=ALL,
)
def dyad_without_inverse(M_inv, u, v):
    return M_inv - torch.outer(u, v) / (1 + v @ M_inv @ u)


@mistake(
    "sherman_morrison",
    "your result adds u v^T to the inverse: it is added to M, and the inverse changes otherwise",
    fails=ALL,
)
def added_to_the_inverse(M_inv, u, v):
    return M_inv + torch.outer(u, v)


@mistake(
    "sherman_morrison",
    "your result inverts M^(-1) + u v^T: u v^T is added to M",
    fails=ALL,
)
def inverse_taken_for_M(M_inv, u, v):
    return torch.linalg.inv(M_inv + torch.outer(u, v))


@mistake(
    "sherman_morrison",
    "your dyad multiplies entry by entry: `*` of two vectors is a vector, `torch.outer` is the "
    "matrix",
    fails=ALL,
)
def entries_multiplied(M_inv, u, v):
    left, right = M_inv @ u, v @ M_inv
    return M_inv - left * right / (1 + v @ left)


@mistake(
    "sherman_morrison",
    "your result is M + u v^T itself: its inverse is asked for",
    fails=ALL,
)
def not_the_inverse(M_inv, u, v):
    return torch.linalg.inv(M_inv) + torch.outer(u, v)


@mistake(
    "sherman_morrison",
    "your result is the correction alone: take it away from M^(-1)",
    fails=ALL,
)
def correction_alone(M_inv, u, v):
    left, right = M_inv @ u, v @ M_inv
    return torch.outer(left, right) / (1 + v @ left)


@mistake(
    "sherman_morrison",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def update_not_returned(M_inv, u, v):
    left, right = M_inv @ u, v @ M_inv
    M_inv = M_inv - torch.outer(left, right) / (1 + v @ left)
