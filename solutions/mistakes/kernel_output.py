"""Wrong outputs from a kernel (1a), each a mistake that is really made.

Each replaces `kernel_output` in a submission, and nothing else. It uses its arguments and torch.
`fails` names the hidden checks that are lost by it; all others stay.
"""

import torch
import torch.nn.functional as F

from autograder.diagnosis import mistake

LONG = "q1a: long memory, inputs left alone"
ALL = ("q1a: the output at any length", LONG)


@mistake(
    "kernel_output",
    "the values are right, and the call changes one of its inputs: `+=`, `*=`, `copy_` and others "
    "work in place",
    fails=(LONG,),
)
def kernel_turned_in_place(K, u):
    K.copy_(K.flip(0))
    L = len(u) - 1
    return F.conv1d(F.pad(u.T[None], (L, 0)), K.permute(1, 2, 0))[0].T


@mistake(
    "kernel_output",
    "your output is right except where there are as many outputs as inputs: there each K_l is "
    "transposed, since a transpose fits too",
    fails=ALL[:1],
)
def square_taps_transposed(K, u):
    K = K.mT if K.shape[1] == K.shape[2] else K
    y = torch.zeros(K.shape[:2])
    for lag in range(len(K)):
        y[lag:] += u[: len(u) - lag] @ K[lag].T
    return y


@mistake(
    "kernel_output",
    "your output looks ahead: it sums K_l u_{k+l}. The kernel has to be turned round, u_{k-l}",
    fails=ALL,
)
def looks_ahead(K, u):
    y = torch.zeros(K.shape[:2])
    for lag in range(len(K)):
        y[: len(u) - lag] += u[lag:] @ K[lag].T
    return y


@mistake(
    "kernel_output",
    "your output wraps round: inputs of the end act on the beginning, as in a circular convolution "
    "(pad before a Fourier transform)",
    fails=ALL,
)
def circular(K, u):
    y = torch.zeros(K.shape[:2])
    for lag in range(len(K)):
        y += u.roll(lag, 0) @ K[lag].T
    return y


@mistake(
    "kernel_output",
    "your output never sees u_0: inputs with a negative index are zero, and u_0 is not one of them",
    fails=ALL,
)
def first_input_lost(K, u):
    y = torch.zeros(K.shape[:2])
    for lag in range(len(K) - 1):
        y[lag + 1 :] += u[1 : len(u) - lag] @ K[lag].T
    return y


@mistake(
    "kernel_output",
    "your output leaves out K_0: the input of the same step counts too",
    fails=ALL,
)
def first_tap_lost(K, u):
    y = torch.zeros(K.shape[:2])
    for lag in range(1, len(K)):
        y[lag:] += u[: len(u) - lag] @ K[lag].T
    return y


@mistake(
    "kernel_output",
    "your output is one step late: y_0 is K_0 u_0",
    fails=ALL,
)
def one_step_late(K, u):
    y = torch.zeros(K.shape[:2])
    for lag in range(len(K) - 1):
        y[lag + 1 :] += u[: len(u) - lag - 1] @ K[lag].T
    return y


@mistake(
    "kernel_output",
    "your output runs backwards in time: y_0 comes first",
    fails=ALL,
)
def runs_backwards(K, u):
    y = torch.zeros(K.shape[:2])
    for lag in range(len(K)):
        y[lag:] += u[: len(u) - lag] @ K[lag].T
    return y.flip(0)


@mistake(
    "kernel_output",
    "your output is the full convolution, of 2 L + 1 steps: keep the first L + 1",
    fails=ALL,
)
def full_length(K, u):
    y = torch.zeros(2 * len(u) - 1, K.shape[1])
    for lag in range(len(K)):
        y[lag : lag + len(u)] += u @ K[lag].T
    return y


@mistake(
    "kernel_output",
    "your output is that of a kernel centred on each step, with half of it ahead: pad with L zeros "
    "in front, and none behind",
    fails=ALL,
)
def padded_on_both_sides(K, u):
    L = len(u) - 1
    signal = F.pad(u.T[None], ((L + 1) // 2, L + 1 - (L + 1) // 2))
    return F.conv1d(signal, K.permute(1, 2, 0).flip(2))[0].T[: L + 1]


@mistake(
    "kernel_output",
    "your output uses the first input and the first output only: K_l is an (r, m) matrix",
    fails=ALL,
)
def only_the_first_input_and_output(K, u):
    y = torch.zeros(K.shape[:2])
    for lag in range(len(K)):
        y[lag:] += u[: len(u) - lag, :1] * K[lag, 0, 0]
    return y


@mistake(
    "kernel_output",
    "your output adds up the inputs before the kernel weights them: each input has a column of K_l",
    fails=ALL,
)
def inputs_added_up_first(K, u):
    y = torch.zeros(K.shape[:2])
    for lag in range(len(K)):
        y[lag:] += u[: len(u) - lag].sum(1, keepdim=True) * K[lag].sum(1)
    return y


@mistake(
    "kernel_output",
    "your output weights the present input with all taps added up: each tap has its own input",
    fails=ALL,
)
def all_taps_on_the_present_input(K, u):
    return torch.einsum("krm,km->kr", K.cumsum(0), u)


@mistake(
    "kernel_output",
    "your output multiplies K_k and u_k step by step: a convolution sums over all earlier steps",
    fails=ALL,
)
def step_by_step_product(K, u):
    return torch.einsum("krm,km->kr", K, u)


@mistake(
    "kernel_output",
    "your output has K_l transposed: K_l u is (r, m) times (m,)",
    fails=ALL,
)
def taps_transposed(K, u):
    y = torch.zeros(K.shape[:2])
    for lag in range(len(K)):
        y[lag:] += u[: len(u) - lag] @ K[lag]
    return y


@mistake(
    "kernel_output",
    "your output has its axes swapped: asked for is (L + 1, r), step by output",
    fails=ALL,
)
def axes_swapped(K, u):
    y = torch.zeros(K.shape[:2])
    for lag in range(len(K)):
        y[lag:] += u[: len(u) - lag] @ K[lag].T
    return y.T


@mistake(
    "kernel_output",
    "your output is right to about three digits: something in it is computed in half precision",
    fails=ALL,
)
def output_in_half_precision(K, u):
    y = torch.zeros(K.shape[:2], dtype=torch.half)
    for lag in range(len(K)):
        y[lag:] += u[: len(u) - lag].half() @ K[lag].half().T
    return y.float()


@mistake(
    "kernel_output",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def nothing_returned(K, u):
    y = torch.zeros(K.shape[:2])
    for lag in range(len(K)):
        y[lag:] += u[: len(u) - lag] @ K[lag].T
