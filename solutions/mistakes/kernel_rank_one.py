"""Wrong kernels of A = I + p p^T (1f), each a mistake that is really made.

Each replaces `kernel_identity_plus_rank_one` in a submission, and nothing else. It uses its
arguments and torch. `fails` names the hidden checks that are lost by it; all others stay.
"""

import torch

from autograder.diagnosis import mistake

ORDINARY = "q1f: an ordinary p and a large one"
SMALL = "q1f: p from zero on"
DIGITS = "q1f: all the digits of float64, inputs left alone"
WORK = "q1f: the work of a rank-one A grows like n"  # counted of right values only
ALL = (ORDINARY, SMALL, DIGITS, WORK)

CANCELS = (
    "your kernel loses its digits where p is small: (1 + v)^l - 1 cancels, and at v = 0 it is "
    "divided by 0"
)
CANCELS_IN_DOUBLE = (
    "your kernel loses its digits where p is small, in float64 too: 1 + v rounds v away before the "
    "1 is taken off again, where expm1(l log1p(v)) keeps it"
)
V_TOO_MANY = (
    "your kernel has v times s_l in the place of s_l: (p p^T)^j is v^(j-1) p p^T, so the sum is "
    "((1 + v)^l - 1) / v"
)


@mistake(
    "kernel_identity_plus_rank_one",
    "the values are right, and the call changes one of its inputs: `+=`, `*=`, `copy_` and others "
    "work in place",
    fails=(DIGITS,),
)
def C_multiplied_in_place(p, B, C, D, L):
    taps = [D]
    for _ in range(L):
        taps.append(C @ B)
        C += torch.outer(C @ p, p)
    return torch.stack(taps)


@mistake("kernel_identity_plus_rank_one", CANCELS, fails=(SMALL, DIGITS))
def closed_form_as_it_stands(p, B, C, D, L):
    v = p @ p
    s = ((1 + v) ** torch.arange(L, dtype=p.dtype) - 1) / v
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)])


@mistake("kernel_identity_plus_rank_one", CANCELS, fails=(SMALL, DIGITS))
def closed_form_by_exp_and_log(p, B, C, D, L):
    v = p @ p
    s = (torch.exp(torch.arange(L, dtype=p.dtype) * torch.log(1 + v)) - 1) / v
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)])


@mistake(
    "kernel_identity_plus_rank_one",
    "your kernel is right at p = 0 and loses its digits between there and ordinary p: "
    "(1 + v)^l - 1 cancels where v is small, too",
    fails=(SMALL, DIGITS),
)
def closed_form_with_an_exception_for_zero(p, B, C, D, L):
    v, lags = p @ p, torch.arange(L, dtype=p.dtype)
    s = ((1 + v) ** lags - 1) / v if v > 1e-8 else lags
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)])


@mistake("kernel_identity_plus_rank_one", CANCELS_IN_DOUBLE, fails=(SMALL, DIGITS))
def closed_form_in_plain_numbers(p, B, C, D, L):
    v = (p @ p).item()
    s = torch.tensor([lag if v == 0 else ((1 + v) ** lag - 1) / v for lag in range(L)])
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)])


@mistake("kernel_identity_plus_rank_one", CANCELS_IN_DOUBLE, fails=(SMALL, DIGITS))
def closed_form_in_double_with_a_tiny_exception(p, B, C, D, L):
    p, B, C, D = (a.double() for a in (p, B, C, D))
    v, lags = p @ p, torch.arange(L, dtype=p.dtype)
    s = torch.where(v > 1e-14, ((1 + v) ** lags - 1) / v, lags)
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)]).float()


@mistake("kernel_identity_plus_rank_one", CANCELS_IN_DOUBLE, fails=(DIGITS,))
def closed_form_in_double_with_an_exception(p, B, C, D, L):
    dtype, (p, B, C, D) = p.dtype, (a.double() for a in (p, B, C, D))
    v, lags = p @ p, torch.arange(L, dtype=p.dtype)
    s = torch.where(v < 1e-8, lags, ((1 + v) ** lags - 1) / v.clamp(min=1e-300))
    kernel = torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)])
    return kernel.to(dtype)


@mistake(
    "kernel_identity_plus_rank_one",
    "your kernel leaves out the p p^T where p is small: the sum is then l, not 0",
    fails=(SMALL, DIGITS),
)
def nothing_for_small_p(p, B, C, D, L):
    v, lags = p @ p, torch.arange(L, dtype=p.dtype)
    s = torch.expm1(lags * torch.log1p(v)) / v if v > 1e-5 else torch.zeros_like(lags)
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)])


@mistake(
    "kernel_identity_plus_rank_one",
    "your kernel has s_l where s_(l-1) belongs: K_l is C A^(l-1) B",
    fails=ALL,
)
def one_power_too_many(p, B, C, D, L):
    v, lags = p @ p, torch.arange(1, L + 1, dtype=p.dtype)
    s = torch.expm1(lags * torch.log1p(v)) / v if v > 0 else lags
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)])


@mistake(
    "kernel_identity_plus_rank_one",
    "your kernel takes the norm of p for v: v = p^T p is its square",
    fails=ALL,
)
def norm_not_squared(p, B, C, D, L):
    v, lags = p.norm(), torch.arange(L, dtype=p.dtype)
    s = torch.expm1(lags * torch.log1p(v)) / v if v > 0 else lags
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)])


@mistake(
    "kernel_identity_plus_rank_one",
    V_TOO_MANY,
    fails=ALL,
)
def not_divided_by_v(p, B, C, D, L):
    v, lags = p @ p, torch.arange(L, dtype=p.dtype)
    s = torch.expm1(lags * torch.log1p(v))
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)])


@mistake(
    "kernel_identity_plus_rank_one",
    V_TOO_MANY,
    fails=ALL,
)
def one_v_too_many(p, B, C, D, L):
    v, s, taps = p @ p, torch.zeros((), dtype=p.dtype), [D]
    for _ in range(L):
        taps.append(C @ B + s * v * torch.outer(C @ p, p @ B))
        s = 1 + (1 + v) * s
    return torch.stack(taps)


@mistake(
    "kernel_identity_plus_rank_one",
    "your kernel keeps only the first term of the sum, l p p^T: the powers of p p^T do not vanish",
    fails=ALL,
)
def first_order_only(p, B, C, D, L):
    lags = torch.arange(L, dtype=p.dtype)
    return torch.cat([D[None], C @ B + lags[:, None, None] * torch.outer(C @ p, p @ B)])


@mistake(
    "kernel_identity_plus_rank_one",
    "your kernel has no C B in it: A^l is I plus a multiple of p p^T",
    fails=(ORDINARY, WORK),  # elsewhere C B is 0, or vanishes beside the rest
)
def identity_left_out(p, B, C, D, L):
    v, lags = p @ p, torch.arange(L, dtype=p.dtype)
    s = torch.expm1(lags * torch.log1p(v)) / v if v > 0 else lags
    return torch.cat([D[None], s[:, None, None] * torch.outer(C @ p, p @ B)])


@mistake(
    "kernel_identity_plus_rank_one",
    "your kernel has no D in it: K_0 is D, and C B comes after it",
    fails=ALL,
)
def D_left_out(p, B, C, D, L):
    v, lags = p @ p, torch.arange(L + 1, dtype=p.dtype)
    s = torch.expm1(lags * torch.log1p(v)) / v if v > 0 else lags
    return C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)


@mistake(
    "kernel_identity_plus_rank_one",
    "your kernel doubles s by s_2l = s_l + v s_l^2: multiplied out, A^l A^l gives 2 s_l + v s_l^2",
    fails=ALL,
)
def wrong_doubling_of_s(p, B, C, D, L):
    def s(lag):
        if lag < 2:
            return torch.tensor(float(lag), dtype=p.dtype)
        half = s(lag // 2)
        even = half + v * half**2
        return even if lag % 2 == 0 else 1 + (1 + v) * even

    v = p @ p
    grown = [s(lag) * torch.outer(C @ p, p @ B) for lag in range(L)]
    return torch.stack([D, *(C @ B + growing for growing in grown)])


@mistake(
    "kernel_identity_plus_rank_one",
    "your kernel has (1 + v)^(l-1) in the place of the whole sum: subtract 1 and divide by v",
    fails=ALL,
)
def power_in_place_of_the_sum(p, B, C, D, L):
    s = (1 + p @ p) ** torch.arange(L, dtype=p.dtype)
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)])


@mistake(
    "kernel_identity_plus_rank_one",
    "your kernel has its last two axes swapped: each tap is (r, m), output by input",
    fails=ALL,
)
def taps_transposed(p, B, C, D, L):
    v, lags = p @ p, torch.arange(L, dtype=p.dtype)
    s = torch.expm1(lags * torch.log1p(v)) / v if v > 0 else lags
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)]).mT


@mistake(
    "kernel_identity_plus_rank_one",
    "your kernel is right to about seven digits: something in it is computed in float32, though p "
    "is float64",
    fails=(DIGITS,),
)
def float32_inside(p, B, C, D, L):
    v, lags = (p @ p).float(), torch.arange(L)
    s = torch.expm1(lags * torch.log1p(v)) / v if v > 0 else lags
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)])


@mistake(
    "kernel_identity_plus_rank_one",
    "your kernel is right to about three digits, and overflows early: something in it is computed "
    "in half precision",
    fails=ALL,
)
def rank_one_in_half_precision(p, B, C, D, L):
    p, B, C, D = p.half(), B.half(), C.half(), D.half()
    v, s, taps = p @ p, 0, [D]
    for _ in range(L):
        taps.append(C @ B + s * torch.outer(C @ p, p @ B))
        s = 1 + (1 + v) * s
    return torch.stack(taps).float()


@mistake(
    "kernel_identity_plus_rank_one",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def nothing_returned(p, B, C, D, L):
    v, lags = p @ p, torch.arange(L, dtype=p.dtype)
    torch.expm1(lags * torch.log1p(v)) / v
