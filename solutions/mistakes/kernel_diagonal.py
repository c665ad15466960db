"""Wrong kernels of a diagonal A (1e), each a mistake that is really made.

Each replaces `kernel_diagonal` in a submission, and nothing else. It uses its arguments and torch.
`fails` names the hidden checks that are lost by it; all others stay. (A right kernel made with
n x n products is no mistake of this kind: the check of the work says so itself.)
"""

import torch

from autograder.diagnosis import mistake

VALUES = "q1e: the kernel of a diagonal A, inputs left alone"
ALL = (VALUES, "q1e: the work grows like n")  # work is counted of right values only


@mistake(
    "kernel_diagonal",
    "the values are right, and the call changes one of its inputs: `+=`, `*=`, `copy_` and others "
    "work in place",
    fails=(VALUES,),
)
def B_multiplied_in_place(a, B, C, D, L):
    taps = [D]
    for _ in range(L):
        taps.append(C @ B)
        B *= a[:, None]
    return torch.stack(taps)


@mistake(
    "kernel_diagonal",
    "your kernel has one power of a too many in each tap: K_1 has a^0, which is 1",
    fails=ALL,
)
def one_power_too_many(a, B, C, D, L):
    powers = a ** torch.arange(1, L + 1)[:, None]
    return torch.cat([D[None], (C * powers[:, None]) @ B])


@mistake(
    "kernel_diagonal",
    "your kernel has no D in it: K_0 is D, and C B comes after it",
    fails=ALL,
)
def D_left_out(a, B, C, D, L):
    powers = a ** torch.arange(L + 1)[:, None]
    return (C * powers[:, None]) @ B


@mistake(
    "kernel_diagonal",
    "your kernel is one tap short: L + 1 inputs need K_0 to K_L",
    fails=ALL,
)
def one_tap_short(a, B, C, D, L):
    powers = a ** torch.arange(max(L - 1, 0))[:, None]
    return torch.cat([D[None], (C * powers[:, None]) @ B])[:L]


@mistake(
    "kernel_diagonal",
    "your kernel takes logarithms of a, which may be negative or 0: a power needs none",
    fails=ALL,
)
def logarithms(a, B, C, D, L):
    powers = torch.exp(torch.arange(L)[:, None] * a.log())
    return torch.cat([D[None], (C * powers[:, None]) @ B])


@mistake(
    "kernel_diagonal",
    "your kernel loses the sign of a: odd powers of a negative number are negative",
    fails=ALL,
)
def sign_lost(a, B, C, D, L):
    powers = a.abs() ** torch.arange(L)[:, None]
    return torch.cat([D[None], (C * powers[:, None]) @ B])


@mistake(
    "kernel_diagonal",
    "your kernel multiplies a by l - 1, where it is to be raised to that power",
    fails=ALL,
)
def multiples(a, B, C, D, L):
    powers = a * torch.arange(L)[:, None]
    return torch.cat([D[None], (C * powers[:, None]) @ B])


@mistake(
    "kernel_diagonal",
    "your kernel uses the first entry of a for all states",
    fails=ALL,
)
def first_entry_for_all(a, B, C, D, L):
    powers = a[0] ** torch.arange(L)[:, None, None]
    return torch.cat([D[None], powers * (C @ B)])


@mistake(
    "kernel_diagonal",
    "your kernel computes C B first and weights it with the powers afterwards: each state has its "
    "own powers, inside the sum over states",
    fails=ALL,
)
def powers_after_the_sum(a, B, C, D, L):
    powers = a ** torch.arange(L)[:, None]
    return torch.cat([D[None], powers.sum(1)[:, None, None] * (C @ B)])


@mistake(
    "kernel_diagonal",
    "your kernel sums C and B over the states apart: it takes one sum, of C[i, k] a^(l-1) B[k, j]",
    fails=ALL,
)
def sums_apart(a, B, C, D, L):
    powers = a ** torch.arange(L)[:, None]
    return torch.cat([D[None], (C * powers[:, None]).sum(2, keepdim=True) * B.sum(0)])


@mistake(
    "kernel_diagonal",
    "your kernel runs backwards after K_0: lower powers come first",
    fails=ALL,
)
def backwards(a, B, C, D, L):
    powers = a ** torch.arange(L).flip(0)[:, None]
    return torch.cat([D[None], (C * powers[:, None]) @ B])


@mistake(
    "kernel_diagonal",
    "your kernel has its last two axes swapped: each tap is (r, m), output by input",
    fails=ALL,
)
def taps_transposed(a, B, C, D, L):
    powers = a ** torch.arange(L)[:, None]
    return torch.cat([D[None], (C * powers[:, None]) @ B]).mT


@mistake(
    "kernel_diagonal",
    "your kernel has the lags on its last axis: asked for is (L + 1, r, m)",
    fails=ALL,
)
def lags_last(a, B, C, D, L):
    powers = a ** torch.arange(L)[:, None]
    return torch.cat([D[None], (C * powers[:, None]) @ B]).permute(1, 2, 0)


@mistake(
    "kernel_diagonal",
    "your kernel is right to about three digits: something in it is computed in half precision",
    fails=ALL,
)
def diagonal_in_half_precision(a, B, C, D, L):
    powers = a.half() ** torch.arange(L)[:, None]
    return torch.cat([D[None], ((C.half() * powers[:, None]) @ B.half()).float()])


@mistake(
    "kernel_diagonal",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def nothing_returned(a, B, C, D, L):
    powers = a ** torch.arange(L)[:, None]
    torch.cat([D[None], (C * powers[:, None]) @ B])
