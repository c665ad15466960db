"""Wrong kernels by doubling (1d), each a mistake that is really made.

Each replaces `kernel_by_doubling` in a submission, and nothing else. It uses its arguments and
torch. `fails` names the hidden checks that are lost by it; all others stay. (A kernel that is right
and has a long span is no mistake of this kind: the check of the span says so itself.)
"""

import torch

from autograder.diagnosis import mistake

POWERS_OF_TWO = "q1d: the kernel where L is a power of two"
ANY = "q1d: the kernel at any length, inputs left alone"
SPAN = "q1d: the span grows like log n log L"
ALL = (POWERS_OF_TWO, ANY, SPAN)  # a span is counted of right values only

TOO_SHORT = (
    "your kernel is right at powers of two and too short elsewhere: the number of rounds, or half "
    "of an odd L, is rounded down"
)


@mistake(
    "kernel_by_doubling",
    "the values are right, and the call changes one of its inputs: `+=`, `*=`, `copy_` and others "
    "work in place",
    fails=(ANY,),
)
def A_squared_in_place(A, B, C, D, L):
    states = B[None]
    while len(states) < L:
        states = torch.cat([states, A @ states])
        A.copy_(A @ A)
    return torch.cat([D[None], C @ states[:L]])


@mistake(
    "kernel_by_doubling",
    "your kernel has no D in it: K_0 is D, and C B comes after it",
    fails=ALL,
)
def D_left_out(A, B, C, D, L):
    states, step = B[None], A
    while len(states) < L + 1:
        states, step = torch.cat([states, step @ states]), step @ step
    return C @ states[: L + 1]


@mistake(
    "kernel_by_doubling",
    "your kernel has one power of A too many in each tap: K_l is C A^(l-1) B, so K_1 is C B",
    fails=ALL,
)
def starts_at_A_B(A, B, C, D, L):
    states, step = (A @ B)[None], A
    while len(states) < L:
        states, step = torch.cat([states, step @ states]), step @ step
    return torch.cat([D[None], C @ states[:L]])


@mistake(
    "kernel_by_doubling",
    "your kernel appends A times what is there in each round: the second half is A^k times the "
    "first, and k doubles too",
    fails=ALL,
)
def step_never_squared(A, B, C, D, L):
    states = B[None]
    while len(states) < L:
        states = torch.cat([states, A @ states])
    return torch.cat([D[None], C @ states[:L]])


@mistake(
    "kernel_by_doubling",
    "your kernel multiplies the second half by its last power, A^(k-1): it takes A^k",
    fails=ALL,
)
def last_power_as_step(A, B, C, D, L):
    powers = torch.eye(len(A))[None]
    while len(powers) < L:
        powers = torch.cat([powers, powers[-1] @ powers])
    return torch.cat([D[None], C @ powers[:L] @ B])


@mistake(
    "kernel_by_doubling",
    "your kernel squares A before it uses it: the first round multiplies by A itself",
    fails=ALL,
)
def squared_too_early(A, B, C, D, L):
    states, step = B[None], A
    while len(states) < L:
        step = step @ step
        states = torch.cat([states, step @ states])
    return torch.cat([D[None], C @ states[:L]])


@mistake(
    "kernel_by_doubling",
    "your kernel puts the new half in front of the old one: the lower powers come first",
    fails=ALL,
)
def new_half_in_front(A, B, C, D, L):
    states, step = B[None], A
    while len(states) < L:
        states, step = torch.cat([step @ states, states]), step @ step
    return torch.cat([D[None], C @ states[:L]])


@mistake(
    "kernel_by_doubling",
    "your kernel is right at powers of two and too long elsewhere: after doubling, keep L of them",
    fails=(ANY,),
)
def not_cut_to_length(A, B, C, D, L):
    states, step = B[None], A
    while len(states) < L:
        states, step = torch.cat([states, step @ states]), step @ step
    return torch.cat([D[None], C @ states])


@mistake(
    "kernel_by_doubling",
    TOO_SHORT,
    fails=(ANY,),
)
def rounds_rounded_down(A, B, C, D, L):
    states, step = B[None], A
    for _ in range(max(L, 1).bit_length() - 1):
        states, step = torch.cat([states, step @ states]), step @ step
    return torch.cat([D[None], C @ states])


@mistake(
    "kernel_by_doubling",
    TOO_SHORT,
    fails=(ANY,),
)
def odd_lengths_rounded_down(A, B, C, D, L):
    def states(count):
        if count < 2:
            return B[None][:count]
        half = states(count // 2)
        return torch.cat([half, torch.linalg.matrix_power(A, count // 2) @ half])

    return torch.cat([D[None], C @ states(L)])


@mistake(
    "kernel_by_doubling",
    "your kernel is padded with zeros up to its length: the last round is missing, unless L is a "
    "power of two",
    fails=(ANY,),
)
def last_round_missing(A, B, C, D, L):
    states, step = B[None], A
    while 2 * len(states) <= L:
        states, step = torch.cat([states, step @ states]), step @ step
    K = torch.zeros(L + 1, *D.shape)
    K[0] = D
    K[1 : len(states) + 1] = C @ states[:L]
    return K


@mistake(
    "kernel_by_doubling",
    "your kernel has K_0 and K_1 where L = 0 asks for K_0 alone",
    fails=(ANY,),
)
def two_taps_at_least(A, B, C, D, L):
    states, step = B[None], A
    while len(states) < L:
        states, step = torch.cat([states, step @ states]), step @ step
    return torch.cat([D[None], C @ states[: max(L, 1)]])


@mistake(
    "kernel_by_doubling",
    "your kernel is that of A transposed: the state is multiplied by A from the left",
    fails=ALL,
)
def A_transposed(A, B, C, D, L):
    states, step = B[None], A.T
    while len(states) < L:
        states, step = torch.cat([states, step @ states]), step @ step
    return torch.cat([D[None], C @ states[:L]])


@mistake(
    "kernel_by_doubling",
    "your kernel squares the entries of A, where the matrix is to be multiplied by itself",
    fails=ALL,
)
def entries_squared(A, B, C, D, L):
    states, step = B[None], A
    while len(states) < L:
        states, step = torch.cat([states, step @ states]), step * step
    return torch.cat([D[None], C @ states[:L]])


@mistake(
    "kernel_by_doubling",
    "your kernel is right to about three digits: something in it is computed in half precision",
    fails=ALL,
)
def doubling_in_half_precision(A, B, C, D, L):
    states, step = B.half()[None], A.half()
    while len(states) < L:
        states, step = torch.cat([states, step @ states]), step @ step
    return torch.cat([D[None], (C.half() @ states[:L]).float()])


@mistake(
    "kernel_by_doubling",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def nothing_returned(A, B, C, D, L):
    states, step = B[None], A
    while len(states) < L:
        states, step = torch.cat([states, step @ states]), step @ step
