"""Wrong kernels for a diagonal W (2f), each a mistake that is really made.

Each replaces `make_diag_depthwise_kernel` in a submission, and nothing else. It uses its arguments
and torch, so its source can be pasted in a notebook. `fails` names the hidden checks that are lost
by it; all others stay.
"""

import torch

from autograder.diagnosis import mistake

ANY = "q2f: the kernel at any length"
CONVOLVED_ANY = "q2f: the convolution at any length, inputs left alone"
DOUBLE = "q2f: each in double precision, inputs left alone"
WORK = "q2f: the work of the convolution grows like H"  # counted of right values only
ODD_LENGTHS = (ANY, CONVOLVED_ANY, DOUBLE)
KERNEL = (
    "q2f: the kernel at powers of two",
    ANY,
    "q2f: the convolution at powers of two",  # which calls the kernel
    CONVOLVED_ANY,
    DOUBLE,
    WORK,
)


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel has the shape (H, T): conv1d with groups wants (H, 1, T), one input for each unit",
    fails=KERNEL,
)
def middle_axis_missing(W, T):
    return W.diagonal()[:, None] ** torch.arange(T)


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel has the shape (1, H, T): asked for is (H, 1, T), units first",
    fails=KERNEL,
)
def middle_axis_first(W, T):
    return (W.diagonal()[:, None] ** torch.arange(T))[None]


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel has its axes in the order (T, 1, H): asked for is (H, 1, T), lags last",
    fails=KERNEL,
)
def lags_before_units(W, T):
    return (W.diagonal() ** torch.arange(T)[:, None])[:, None]


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel is the dense one, (H, H, T): all but its diagonal is zero, and the diagonal is "
    "what (H, 1, T) holds",
    fails=KERNEL,
)
def dense_kernel(W, T):
    return torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)], -1)


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel uses W[0, 0] for every unit: each unit has its own entry W_ii",
    fails=KERNEL,
)
def kernel_of_one_entry(W, T):
    return (W[0, 0] ** torch.arange(T)).expand(len(W), 1, T)


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel holds the powers 1 to T of each entry: the powers asked for begin with 0, a one",
    fails=KERNEL,
)
def starts_at_the_first_power(W, T):
    return (W.diagonal()[:, None] ** torch.arange(1, T + 1))[:, None]


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel multiplies each entry by the lag: its powers are asked for",
    fails=KERNEL,
)
def times_the_lag(W, T):
    return (W.diagonal()[:, None] * torch.arange(T))[:, None]


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel has lost the sign of negative entries: their powers alternate",
    fails=KERNEL,
)
def sign_lost(W, T):
    return (W.diagonal().abs()[:, None] ** torch.arange(T))[:, None]


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel takes logarithms of the entries, and a negative one has none: its powers are NaN",
    fails=KERNEL,
)
def logarithm_of_negative_entries(W, T):
    return torch.exp(W.diagonal().log()[:, None] * torch.arange(T))[:, None]


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel is NaN where an entry is 0: it has no logarithm either, whatever becomes of the "
    "signs; 0 to the power 0 is 1, and its other powers are 0",
    fails=KERNEL,
)
def logarithm_of_zero(W, T):
    a, lags = W.diagonal()[:, None], torch.arange(T)
    signs = torch.where(a < 0, -1.0, 1.0) ** lags
    return (signs * torch.exp(lags * a.abs().log()))[:, None].to(W.dtype)


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel appends one factor a at each doubling: the second half is a^m times the first, "
    "and m doubles too",
    fails=KERNEL,
)
def diagonal_step_never_squared(W, T):
    a = W.diagonal()[:, None, None]
    powers = torch.ones_like(a)
    while powers.shape[-1] < T:
        powers = torch.cat([powers, a * powers], -1)
    return powers[:, :, :T]


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel multiplies up powers that are powers already (the exponents go 0, 1, 3, 6): "
    "multiply up copies of the entry",
    fails=KERNEL,
)
def products_of_diagonal_powers(W, T):
    return (W.diagonal()[:, None] ** torch.arange(T)).cumprod(1)[:, None]


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel is right at powers of two and too long elsewhere: after doubling, keep T of them",
    fails=ODD_LENGTHS,
)
def diagonal_kernel_not_cut(W, T):
    a = W.diagonal()[:, None, None]
    powers = torch.ones_like(a)
    while powers.shape[-1] < T:
        powers, a = torch.cat([powers, a * powers], -1), a * a
    return powers


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel is right at powers of two and too short elsewhere: half of an odd T is rounded "
    "down in both halves",
    fails=ODD_LENGTHS,
)
def diagonal_odd_lengths_rounded_down(W, T):
    a = W.diagonal()[:, None, None]
    powers = torch.ones_like(a)
    for _ in range(T.bit_length() - 1):
        powers, a = torch.cat([powers, a * powers], -1), a * a
    return powers


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel is right up to lag 7 and zero from there on: a^l need not be small by then",
    fails=KERNEL,
)
def diagonal_kernel_cut_after_eight_taps(W, T):
    lags = torch.arange(T)
    return ((W.diagonal()[:, None] ** lags) * (lags < 8))[:, None]


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel is right to about three digits: something in it is computed in half precision",
    fails=KERNEL,
)
def diagonal_kernel_in_half_precision(W, T):
    return (W.diagonal().half()[:, None] ** torch.arange(T))[:, None].to(W.dtype)


@mistake(
    "make_diag_depthwise_kernel",
    "the kernel is right, and the caller's W is changed by the call: W.diagonal() is a view, so "
    "what is done to it in place is done to W",
    fails=(CONVOLVED_ANY, DOUBLE),
)
def diagonal_squared_in_place(W, T):
    a = W.diagonal()
    powers = torch.ones_like(a)[:, None]
    while powers.shape[1] < T:
        powers = torch.cat([powers, a[:, None] * powers], 1)
        a *= a
    return powers[:, None, :T]


@mistake(
    "make_diag_depthwise_kernel",
    "nothing is returned: end the function with a `return` (printing a result does not hand it on)",
    fails=KERNEL,
)
def diagonal_kernel_not_returned(W, T):
    torch.pow(W.diagonal()[:, None], torch.arange(T)).unsqueeze(1)
