"""Wrong comparisons and operation counts (2c), each a mistake that is really made.

A function here replaces the one it is named for in a submission, and nothing else. `fails` names
the hidden checks that are lost by it; all others stay.
"""

from autograder.diagnosis import mistake

WITH_B = "your count has + b in it: additions of whole tensors are left out"
DIFFERENCE = ("q2c: the largest difference, of either sign",)
RECURRENT = ("q2c: the operations of the recurrence",)
CONVOLUTION = ("q2c: the operations of the convolution",)


@mistake(
    "largest_difference",
    "your number is the largest a - b: where b is the larger one, the difference counts too",
    fails=DIFFERENCE,
)
def sign_not_dropped(a, b):
    return (a - b).max()


@mistake(
    "largest_difference",
    "your number is the norm of a - b, the root of the sum of all squares (`torch.norm`): the "
    "largest entry of |a - b| is asked for",
    fails=DIFFERENCE,
)
def norm_of_the_difference(a, b):
    return (a - b).norm()


@mistake(
    "largest_difference",
    "your number is the mean of |a - b|: the largest is asked for",
    fails=DIFFERENCE,
)
def mean_difference(a, b):
    return (a - b).abs().mean()


@mistake("recurrent_flops", "your count leaves out the product U x_t", fails=RECURRENT)
def input_product_left_out(N, T, D, H):
    return 2 * N * T * H * H


@mistake(
    "recurrent_flops",
    "your count is half of the right one: a multiplication and an addition are one operation each",
    fails=RECURRENT,
)
def recurrent_pairs_counted_once(N, T, D, H):
    return N * T * H * (H + D)


@mistake("recurrent_flops", WITH_B, fails=RECURRENT)
def b_counted_in_the_recurrence(N, T, D, H):
    return 2 * N * T * H * (H + D) + N * T * H


@mistake("recurrent_flops", WITH_B, fails=RECURRENT)
def both_sums_counted_in_the_recurrence(N, T, D, H):
    return 2 * N * T * H * (H + D) + 2 * N * T * H


@mistake("recurrent_flops", "your count is that of one sequence: there are N", fails=RECURRENT)
def one_sequence_counted(N, T, D, H):
    return 2 * T * H * (H + D)


@mistake(
    "convolution_flops",
    "your count is that of the kernel alone: applying it costs more than making it",
    fails=CONVOLUTION,
)
def kernel_counted_alone(N, T, D, H):
    return 2 * T * H**3


@mistake("convolution_flops", "your count leaves out making the kernel", fails=CONVOLUTION)
def kernel_left_out(N, T, D, H):
    return 2 * N * T * D * H + 2 * N * T**2 * H**2


@mistake("convolution_flops", "your count leaves out the product U x_t", fails=CONVOLUTION)
def projection_left_out(N, T, D, H):
    return 2 * T * H**3 + 2 * N * T**2 * H**2


@mistake(
    "convolution_flops",
    "your count has the convolution linear in T: each of the T outputs is a sum over T taps",
    fails=CONVOLUTION,
)
def one_tap_an_output(N, T, D, H):
    return 2 * T * H**3 + 2 * N * T * D * H + 2 * N * T * H**2


@mistake(
    "convolution_flops",
    "your count has t taps at step t, T (T + 1) / 2 in all: conv1d multiplies by the zeros of the "
    "padding too, so each of the T states takes T taps",
    fails=CONVOLUTION,
)
def zeros_left_out(N, T, D, H):
    return 2 * T * H**3 + 2 * N * T * D * H + N * T * (T + 1) * H**2


@mistake("convolution_flops", WITH_B, fails=CONVOLUTION)
def b_counted_in_the_convolution(N, T, D, H):
    return 2 * T * H**3 + 2 * N * T * D * H + 2 * N * T**2 * H**2 + N * T * H


@mistake(
    "convolution_flops",
    "your count is half of the right one: a multiplication and an addition are one operation each",
    fails=CONVOLUTION,
)
def convolution_pairs_counted_once(N, T, D, H):
    return T * H**3 + N * T * D * H + N * T**2 * H**2
