"""Wrong kernels by definition (1a), each a mistake that is really made.

Each replaces `ssm_kernel` in a submission, and nothing else. It uses its arguments and torch, so
its source can be pasted in a notebook. `fails` names the hidden checks that are lost by it; all
others stay.
"""

import torch

from autograder.diagnosis import mistake

SHORT = "q1a: the kernel at L = 0 and 1"
ANY = "q1a: the kernel at any length"
SHIFT = "q1a: the kernel of an A without a basis of eigenvectors"
LONG = "q1a: long memory, inputs left alone"
ALL = (SHORT, ANY, SHIFT, LONG)
LATER = (ANY, SHIFT, LONG)  # A first shows at l = 2


@mistake(
    "ssm_kernel",
    "the values are right, and the call changes one of its inputs: `+=`, `*=`, `copy_` and others "
    "work in place",
    fails=(LONG,),
)
def B_overwritten(A, B, C, D, L):
    taps = [D]
    for _ in range(L):
        taps.append(C @ B)
        B.copy_(A @ B)
    return torch.stack(taps)


@mistake(
    "ssm_kernel",
    "your kernel has no D in it: K_0 is D, and C B comes after it",
    fails=ALL,
)
def D_left_out(A, B, C, D, L):
    return torch.stack([C @ torch.linalg.matrix_power(A, lag) @ B for lag in range(L + 1)])


@mistake(
    "ssm_kernel",
    "your kernel begins with zeros: K_0 is D, what goes straight through",
    fails=ALL,
)
def D_taken_for_zero(A, B, C, D, L):
    powers = [torch.linalg.matrix_power(A, lag) for lag in range(L)]
    return torch.stack([torch.zeros_like(D), *(C @ power @ B for power in powers)])


@mistake(
    "ssm_kernel",
    "your kernel has D added to every tap: D carries the input of the same step only, K_0",
    fails=ALL,
)
def D_in_every_tap(A, B, C, D, L):
    powers = [torch.linalg.matrix_power(A, lag) for lag in range(L)]
    return torch.stack([D, *(C @ power @ B + D for power in powers)])


@mistake(
    "ssm_kernel",
    "your kernel has one power of A too many in each tap: K_l is C A^(l-1) B, so K_1 is C B",
    fails=ALL,
)
def one_power_too_many(A, B, C, D, L):
    powers = [torch.linalg.matrix_power(A, lag + 1) for lag in range(L)]
    return torch.stack([D, *(C @ power @ B for power in powers)])


@mistake(
    "ssm_kernel",
    "your kernel is one tap short: L + 1 inputs need K_0 to K_L",
    fails=ALL,
)
def one_tap_short(A, B, C, D, L):
    powers = [torch.linalg.matrix_power(A, lag) for lag in range(L - 1)]
    return torch.stack([D, *(C @ power @ B for power in powers)][:L]) if L else D[None][:0]


@mistake(
    "ssm_kernel",
    "your kernel has K_0 and K_1 where L = 0 asks for K_0 alone",
    fails=(SHORT,),
)
def never_shorter_than_two(A, B, C, D, L):
    taps, state = [D, C @ B], B
    for _ in range(L - 1):
        state = A @ state
        taps.append(C @ state)
    return torch.stack(taps)


@mistake(
    "ssm_kernel",
    "your kernel is that of A transposed: the state is multiplied by A from the left",
    fails=LATER,
)
def A_transposed(A, B, C, D, L):
    taps, state = [D], B
    for _ in range(L):
        taps.append(C @ state)
        state = A.T @ state
    return torch.stack(taps)


@mistake(
    "ssm_kernel",
    "your kernel has its last two axes swapped: each tap is (r, m), output by input",
    fails=ALL,
)
def taps_transposed(A, B, C, D, L):
    taps, state = [D.T], B
    for _ in range(L):
        taps.append((C @ state).T)
        state = A @ state
    return torch.stack(taps)


@mistake(
    "ssm_kernel",
    "your kernel has the lags on its last axis: asked for is (L + 1, r, m)",
    fails=ALL,
)
def lags_last(A, B, C, D, L):
    taps, state = [D], B
    for _ in range(L):
        taps.append(C @ state)
        state = A @ state
    return torch.stack(taps, dim=-1)


@mistake(
    "ssm_kernel",
    "your kernel runs backwards: K_0 comes first, and K_L last",
    fails=ALL,
)
def backwards(A, B, C, D, L):
    taps, state = [D], B
    for _ in range(L):
        taps.append(C @ state)
        state = A @ state
    return torch.stack(taps[::-1])


@mistake(
    "ssm_kernel",
    "your kernel raises each entry of A to a power: the powers of the matrix are asked for",
    fails=LATER,
)
def powers_of_entries(A, B, C, D, L):
    return torch.stack([D, *(C @ (A**lag if lag else torch.eye(len(A))) @ B for lag in range(L))])


@mistake(
    "ssm_kernel",
    "your kernel uses only the diagonal of A: the powers of a full matrix mix its entries (`*` "
    "multiplies entry by entry: `@` is the product of matrices)",
    fails=LATER,
)
def only_the_diagonal_of_A(A, B, C, D, L):
    powers = [torch.diag(A.diagonal() ** lag) for lag in range(L)]
    return torch.stack([D, *(C @ power @ B for power in powers)])


@mistake(
    "ssm_kernel",
    "your kernel uses A[0, 0] alone: A is a full matrix",
    fails=LATER,
)
def only_one_entry_of_A(A, B, C, D, L):
    return torch.stack([D, *(C @ B * A[0, 0] ** lag for lag in range(L))])


@mistake(
    "ssm_kernel",
    "your kernel squares the power of A at every tap (I, A, A^2, A^4): one more A is enough",
    fails=LATER,
)
def squared_at_every_tap(A, B, C, D, L):
    taps, power = [D, C @ B], A
    for _ in range(L - 1):
        taps.append(C @ power @ B)
        power = power @ power
    return torch.stack(taps[: L + 1])


@mistake(
    "ssm_kernel",
    "your kernel is right up to lag 8 and zero from there on: K_l need not be small by then",
    fails=(ANY, LONG),
)
def cut_after_eight_lags(A, B, C, D, L):
    taps, state = [D], B
    for _ in range(L):
        taps.append(C @ state)
        state = A @ state if len(taps) < 9 else torch.zeros_like(B)
    return torch.stack(taps)


@mistake(
    "ssm_kernel",
    "your kernel takes A apart into eigenvectors, and this A has no basis of them",
    fails=(SHIFT,),
)
def by_eigenvectors(A, B, C, D, L):
    values, vectors = torch.linalg.eig(A.double())
    powers = values ** torch.arange(L)[:, None]  # (L, n)
    start = torch.linalg.pinv(vectors) @ B.to(values.dtype)
    taps = (C.to(values.dtype) @ vectors * powers[:, None] @ start).real
    return torch.cat([D[None], taps.float()])


@mistake(
    "ssm_kernel",
    "your kernel is right to about three digits: something in it is computed in half precision",
    fails=ALL,
)
def in_half_precision(A, B, C, D, L):
    A, B, C, D = A.half(), B.half(), C.half(), D.half()
    taps, state = [D], B
    for _ in range(L):
        taps.append(C @ state)
        state = A @ state
    return torch.stack(taps).float()


@mistake(
    "ssm_kernel",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def nothing_returned(A, B, C, D, L):
    taps, state = [D], B
    for _ in range(L):
        taps.append(C @ state)
        state = A @ state
