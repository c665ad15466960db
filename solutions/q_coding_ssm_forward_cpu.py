# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: q_coding_ssm_forward_cpu
# init_cell: true
# tests:
#   files: false
#   ok_format: false

# %% [markdown]
# # State-space models forward, on the CPU
#
# Problem 2, parts a to c · 20 points: 14 for code, 6 for words · about two and a half hours
#
# A state-space model (SSM) turns a sequence of inputs into a sequence of states by one linear rule,
# the same at every step. Because the rule is linear, the states can be computed in two ways that
# look nothing alike: one step after another, or all at once, as a convolution. Both give the same
# numbers. They cost different things: the first has to wait, the second has more to do.
#
# You will write both, say which you expect to be faster and from which T, and then measure. Expect
# a surprise: nearly everybody who has tried this was wrong somewhere, the homework's official
# solution included.
#
# **The model.**
#
# $$h_t = W h_{t-1} + U x_t + b, \qquad t = 1, \dots, T, \qquad h_0 = 0$$
#
# ```text
# h_t = W h_{t-1} + U x_t + b   for t = 1, ..., T, from h_0 = 0
# ```
#
# | symbol | shape | what it is |
# |:--|:--|:--|
# | `x` | (N, T, D) | the inputs: N sequences of T steps with D numbers each; `x[:, t - 1]` is x_t |
# | `W` | (H, H) | carries the state on from step to step |
# | `U` | (H, D) | brings the input in |
# | `b` | (H,) | a constant push at every step |
# | `h` | (N, T, H) | the states you are asked for; `h[:, t - 1]` is h_t |
#
# **On the index.** The original homework (EECS 182, Berkeley, Fall 2025, Homework 8; "the sheet"
# below) writes h_{t+1} = W h_t + U x_t + b and asks for h_1 to h_T from x_1 to x_T. Taken
# literally, h_1 would need an x_0 that is not given, and x_T would never be used. We read it as
# above, so that h_1 = U x_1 + b. The sheet's formula with inputs numbered from 0 gives the same
# code: T inputs go in, T states come out.

# %%
import torch
import torch.nn.functional as F

from labkit import claims, plots, race, timing, workspan
from labkit.answers import answered, needs
from labkit.inputs import ssm_inputs

torch.manual_seed(8)
N, D = 32, 32  # sequences and inputs a step, in all measurements below

# %% [raw]
# # BEGIN QUESTION
# name: q2a
# points: 4

# %% [markdown]
# ## 2a · One step after another
# 4 points · difficulty 1 of 3 · about 15 minutes
#
# Write the model down as a loop over the steps. This is the definition itself, and in any code base
# it is the reference that cleverer versions are tested against. In Problem 1 you unrolled the same
# recursion on paper to find its kernel. What may surprise you is how quietly it goes wrong: one
# transpose too many, and the numbers that come out look just as reasonable as the right ones. The
# batch is in rows here, while W and U in the formula multiply columns.
#
# **An example, by hand.** With N = H = D = 1, W = 0.5, U = 2, b = 1 and x = 4, 0, -1:
#
# ```text
# h_1 = 0.5 * 0   + 2 * 4    + 1 = 9
# h_2 = 0.5 * 9   + 2 * 0    + 1 = 5.5
# h_3 = 0.5 * 5.5 + 2 * (-1) + 1 = 1.75
# ```

# %% [raw]
# # BEGIN SOLUTION


# %%
def unrolled_ssm_forward(W, U, b, x):
    """All states of the SSM, one step after another.

    W (H, H), U (H, D), b (H,), x (N, T, D) -> h (N, T, H), where h[:, t - 1] is h_t.

    With W = [[0.5]], U = [[2]], b = [1] and x = [[[4], [0], [-1]]]: [[[9], [5.5], [1.75]]].
    """
    # BEGIN SOLUTION
    h = x.new_zeros(x.shape[0], W.shape[0])  # (N, H)
    states = []
    for x_t in x.unbind(1):  # (N, D)
        h = h @ W.T + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, dim=1)  # (N, T, H)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: no input, no state
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_no_input(unrolled_ssm_forward):
    import torch
    from labkit.checks import same

    h = unrolled_ssm_forward(torch.eye(4), torch.ones(4, 3), torch.zeros(4), torch.zeros(2, 5, 3))
    same(h, torch.zeros(2, 5, 4), rtol=1e-5, axes=("sequence", "step", "unit"), show=True)


test_no_input(unrolled_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the example worked by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_by_hand(unrolled_ssm_forward):
    import torch
    from labkit.checks import same

    W, U, b = torch.tensor([[0.5]]), torch.tensor([[2.0]]), torch.tensor([1.0])
    h = unrolled_ssm_forward(W, U, b, torch.tensor([[[4.0], [0.0], [-1.0]]]))
    same(h, [[[9.0], [5.5], [1.75]]], rtol=1e-5, axes=("sequence", "step", "unit"), show=True)


test_by_hand(unrolled_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: a delayed input delays the state
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_delay(unrolled_ssm_forward):
    import torch
    from labkit.checks import of_shape, same
    from labkit.inputs import rotation

    W, U, b, x = rotation(0.4, 0.9), torch.eye(2), torch.zeros(2), torch.eye(2).repeat(1, 3, 1)
    delayed = torch.cat([torch.zeros(1, 1, 2), x], dim=1)
    axes = ("sequence", "step", "unit")
    h = of_shape(unrolled_ssm_forward(W, U, b, x), 1, 6, 2, axes=axes)
    h_delayed = of_shape(unrolled_ssm_forward(W, U, b, delayed), 1, 7, 2, axes=axes)
    same(h_delayed[:, 1:], h, rtol=1e-5, axes=axes, show=True)


test_delay(unrolled_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the first step
points: 1
hidden: true
"""  # END TEST CONFIG


def test_first_step(unrolled_ssm_forward):
    from solutions.reference import ssm

    for case in ssm.cases(T=(1,), radius=0.98):
        W, U, b, x = case.args
        expected = x @ U.T + b
        case.same(unrolled_ssm_forward(W, U, b, x), expected)


test_first_step(unrolled_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: right at any length
points: 2
hidden: true
"""  # END TEST CONFIG


def test_any_length(unrolled_ssm_forward):
    from solutions.reference import ssm

    for case in ssm.cases(T=(2, 7, 64), radius=0.98):
        expected = ssm.recurrence(*case.args)
        case.same(unrolled_ssm_forward(*case.args), expected)


test_any_length(unrolled_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: long memory, inputs left alone
points: 1
hidden: true
"""  # END TEST CONFIG


def test_long_memory(unrolled_ssm_forward):
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import ssm

    for case in ssm.cases(T=(300,), radius=0.99):
        expected = ssm.recurrence(*case.args)
        case.same(unrolled_ssm_forward(*case.args), expected)
        leaves_inputs_alone(unrolled_ssm_forward, *case.args, names="WUbx")


test_long_memory(unrolled_ssm_forward)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See what your function does.** On the left a system of two units is knocked once, at step 10,
# and swings until the knock has died out. On the right nothing comes in and only b pushes, until
# W h + b = h. A state that moves too early, a push that is lost, a limit that is missed: each tells
# you where to look.

# %% tags=["otter_ignore"]
with needs("2a"):
    plots.responses(unrolled_ssm_forward)

# %% [markdown]
# <details><summary>Hint 1: where to begin</summary>
#
# Keep one tensor for the present states of all N sequences. What is its shape, and what is in it
# before the first step? Then take the steps in order, and store every state as you reach it.
# </details>
#
# <details><summary>Hint 2: rows and columns</summary>
#
# Write out one entry: (W h)_i = sum over j of W_ij h_j. With the N states as rows of a matrix S (N,
# H), you want R_ni = sum over j of S_nj W_ij. On which side of S does W go, and is it transposed?
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# `x.unbind(1)` gives the T inputs, each (N, D). A list of T states, each (N, H), becomes (N, T, H)
# with `torch.stack(..., dim=1)`. If you write into one tensor instead, beware of storing the same
# tensor T times over.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q2b
# points: 7

# %% [markdown]
# ## 2b · All steps at once
# 7 points · difficulty 2 of 3 · about 45 minutes
#
# Unroll the recursion, and each state is a sum over everything that came in before it, weighted by
# how many steps ago it came:
#
# $$h_t = \sum_{\ell=0}^{t-1} W^{\ell}\,(U x_{t-\ell} + b)$$
#
# ```text
# h_t = sum over l = 0, ..., t-1 of W^l (U x_{t-l} + b)
# ```
#
# That is a causal convolution of v_t = U x_t + b, shape (N, T, H), with the kernel K = (W^0, W^1,
# ..., W^{T-1}), shape (H, H, T). No state waits for another any more. Two functions do this:
#
# - `make_conv_kernel(W, T)` makes the powers by **divide and conquer**, as in Problem 1(d): the
#   second half of the list is the first half times one matrix, so each round doubles the list, and
#   T powers take about log2 T rounds. Begin with T a power of two; then let T be any number (the
#   harder item).
# - `conv_ssm_forward(W, U, b, x)` applies the kernel with `F.conv1d` (or `nn.Conv1d`). What
#   surprises people here is that `conv1d` does not reverse its kernel, as a textbook convolution
#   does, and that it pads both ends or neither.
#
# **Which order?** Our kernel holds W^l at index l: `K[:, :, 0]` is the identity. The reversed
# order, with the identity last, is accepted too, as long as your `conv_ssm_forward` expects it that
# way. The other two axes are [output, input], as conv1d has them.
#
# **What is checked.** Values of the kernel and of the states, at powers of two and at any T. One
# more point is for cost, counted in torch's operations and not timed: when T grows sixteenfold, the
# span of your kernel, the longest chain of operations that wait for one another, may grow at most
# fourfold, and that of your convolution, kernel and all, eightfold. Doubling doubles it; a loop
# over the powers or over the steps makes it sixteen times as long.

# %% [raw]
# # BEGIN SOLUTION


# %%
def make_conv_kernel(W, T):
    """The powers of W as a convolution kernel, by divide and conquer.

    W (H, H), T >= 1 -> K (H, H, T), where K[:, :, l] is W^l.

    With W = [[0.5]] and T = 4: [[[1, 0.5, 0.25, 0.125]]].
    """
    # BEGIN SOLUTION
    powers = torch.eye(len(W), dtype=W.dtype, device=W.device)[None]  # (m, H, H): W^0 .. W^{m-1}
    step = W  # W^m
    while len(powers) < T:
        powers = torch.cat([powers, step @ powers])
        step = step @ step
    return powers[:T].permute(1, 2, 0)
    # END SOLUTION


# %%
def conv_ssm_forward(W, U, b, x):
    """All states of the SSM, as one convolution.

    W (H, H), U (H, D), b (H,), x (N, T, D) -> h (N, T, H), where h[:, t - 1] is h_t.

    With W = [[0.5]], U = [[2]], b = [1] and x = [[[4], [0], [-1]]]: [[[9], [5.5], [1.75]]].
    """
    # BEGIN SOLUTION
    T = x.shape[1]
    K = make_conv_kernel(W, T)  # (H, H, T)
    v = (x @ U.T + b).transpose(1, 2)  # (N, H, T): what enters at each step
    v = F.pad(v, (T - 1, 0))  # zeros before the first step keep it causal
    h = F.conv1d(v, K.flip(-1))  # conv1d slides without reversing, so the kernel is reversed
    return h.transpose(1, 2)  # (N, T, H)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: a kernel of one tap is the identity
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_one_tap(make_conv_kernel):
    import torch
    from labkit.checks import same

    K = make_conv_kernel(torch.ones(3, 3), 1)
    same(K, torch.eye(3)[:, :, None], rtol=1e-5, axes=("output", "input", "lag"), show=True)


test_one_tap(make_conv_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the powers of one half, in either order
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_powers_of_one_half(make_conv_kernel):
    import torch
    from labkit.checks import as_tensor, same

    K = as_tensor(make_conv_kernel(torch.tensor([[0.5]]), 4)).sort(descending=True).values
    same(K, [[[1.0, 0.5, 0.25, 0.125]]], rtol=1e-5, axes=("output", "input", "lag"), show=True)


test_powers_of_one_half(make_conv_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the example worked by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_conv_by_hand(conv_ssm_forward):
    import torch
    from labkit.chance import no_chance
    from labkit.checks import same

    W, U, b = torch.tensor([[0.5]]), torch.tensor([[2.0]]), torch.tensor([1.0])
    x = torch.tensor([[[4.0], [0.0]]])
    with no_chance(conv_ssm_forward, W, U, b, x):
        h = conv_ssm_forward(W, U, b, x)
        same(h, [[[9.0], [5.5]]], rtol=1e-5, axes=("sequence", "step", "unit"), show=True)


test_conv_by_hand(conv_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: a delayed input delays the state
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_conv_delay(conv_ssm_forward):
    import torch
    from labkit.checks import of_shape, same
    from labkit.inputs import rotation

    W, U, b, x = rotation(0.4, 0.9), torch.eye(2), torch.zeros(2), torch.eye(2).repeat(1, 2, 1)
    delayed = torch.cat([torch.zeros(1, 4, 2), x], dim=1)
    axes = ("sequence", "step", "unit")
    h = of_shape(conv_ssm_forward(W, U, b, x), 1, 4, 2, axes=axes)
    h_delayed = of_shape(conv_ssm_forward(W, U, b, delayed), 1, 8, 2, axes=axes)
    same(h_delayed[:, 4:], h, rtol=1e-5, axes=axes, show=True)


test_conv_delay(conv_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the kernel at powers of two
points: 2
hidden: true
"""  # END TEST CONFIG


def test_kernel_powers_of_two(make_conv_kernel):
    from solutions.reference import ssm

    for case in ssm.kernel_cases(T=(1, 2, 16, 64), radius=0.98):
        expected = ssm.kernel(*case.args)
        case.same(ssm.by_lag(make_conv_kernel(*case.args)), expected)


test_kernel_powers_of_two(make_conv_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the kernel at any length
points: 1
hidden: true
"""  # END TEST CONFIG


def test_kernel_any_length(make_conv_kernel):
    from solutions.reference import ssm

    for case in ssm.kernel_cases(T=(3, 7, 100), radius=0.98):
        expected = ssm.kernel(*case.args)
        case.same(ssm.by_lag(make_conv_kernel(*case.args)), expected)


test_kernel_any_length(make_conv_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the convolution at powers of two
points: 2
hidden: true
"""  # END TEST CONFIG


def test_conv_powers_of_two(conv_ssm_forward):
    from labkit.chance import no_chance
    from solutions.reference import ssm

    for case in ssm.cases(T=(1, 2, 16, 64), radius=0.98):
        expected = ssm.recurrence(*case.args)
        with no_chance(conv_ssm_forward, *case.args):
            case.same(conv_ssm_forward(*case.args), expected)


test_conv_powers_of_two(conv_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the convolution at any length, inputs left alone
points: 1
hidden: true
"""  # END TEST CONFIG


def test_conv_any_length(conv_ssm_forward):
    from labkit.chance import no_chance
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import ssm

    for case in ssm.cases(T=(3, 7, 100), radius=0.98):
        expected = ssm.recurrence(*case.args)
        with no_chance(conv_ssm_forward, *case.args):
            case.same(conv_ssm_forward(*case.args), expected)
        leaves_inputs_alone(conv_ssm_forward, *case.args, names="WUbx")


test_conv_any_length(conv_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the spans of kernel and convolution grow like log T
points: 1
hidden: true
"""  # END TEST CONFIG


def test_spans(make_conv_kernel, conv_ssm_forward):
    from labkit.checks import Mismatch
    from labkit.costs import grows_at_most, size_from
    from solutions.reference import ssm

    short = 16 * size_from(1, 2)
    long = 16 * short
    for case in ssm.kernel_cases(T=(long,), radius=0.98):
        W, _ = case.args
        case.same(ssm.by_lag(make_conv_kernel(W, long)), ssm.kernel(W, long))
        args = {T: (W, T) for T in (short, long)}
        advice = "Each round should double the number of powers."
        grows_at_most(make_conv_kernel, args.get, (short, long), factor=4, size="T", advice=advice)
    for case in ssm.cases(T=(long,), radius=0.98):
        W, U, b, x = case.args
        expected = ssm.recurrence(W, U, b, x)
        try:
            case.same(conv_ssm_forward(W, U, b, x), expected)
        except Mismatch:  # which is for the checks of its values to say
            continue
        args = {T: (W, U, b, x[:, :T].clone()) for T in (short, long)}
        advice = "Is there a loop over the steps?"
        grows_at_most(conv_ssm_forward, args.get, (short, long), factor=8, size="T", advice=advice)


test_spans(make_conv_kernel, conv_ssm_forward)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See your kernel.** For a plane that turns by 0.4 and shrinks by 0.9 per step, the powers are
# known: W^l turns by 0.4 l and shrinks by 0.9^l. Your entries are the dots. If you keep the kernel
# in the reversed order, the dots are the mirror image of the line, and that is fine.

# %% tags=["otter_ignore"]
with needs("2b"):
    plots.kernel_taps(make_conv_kernel)

# %% [markdown]
# **See what your function does**, in the two experiments of 2a. A kernel in the wrong order,
# padding at the wrong end, a b that is added too late: each looks different.

# %% tags=["otter_ignore"]
with needs("2b"):
    plots.responses(conv_ssm_forward)

# %% [markdown]
# <details><summary>Hint 1: four powers into eight</summary>
#
# You have W^0, W^1, W^2, W^3 and may use one more matrix product with all of them at once. Which
# matrix gives you the next four? And what do you need for the round after?
# </details>
#
# <details><summary>Hint 2: the kernel</summary>
#
# Carry two things from round to round: the powers so far, stacked as (m, H, H), and W^m. A product
# (H, H) @ (m, H, H) multiplies all m at once. Squaring W^m gives the next one. If T is not a power
# of two, go on until there are enough, and keep T of them. Move the axes at the very end.
# </details>
#
# <details><summary>Hint 3: the convolution</summary>
#
# `F.conv1d(signal, weight)` takes signal (N, in, length) and weight (out, in, taps), and gives
#
# ```text
# output[n, o, s] = sum over i, k of weight[o, i, k] * signal[n, i, s + k]
# ```
#
# The last tap meets the newest input. Which power has to be there? And how many zeros in front let
# the first window end at the first input?
# </details>
#
# <details><summary>Hint 4: nearly there</summary>
#
# v = U x + b has shape (N, T, H), and conv1d wants (N, H, T). `F.pad(v, (left, right))` pads the
# last axis; T - 1 zeros on the left make every window T long and nothing looks ahead. `K.flip(-1)`
# reverses a kernel. The result is (N, H, T): one transpose is left to do.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q2c
# points: 3

# %% [markdown]
# ## 2c · What it costs, counted
# 3 points · difficulty 1 of 3 · about 20 minutes
#
# Before any clock, count. A count is exact, is the same on every machine, and tells you what a
# measurement can and cannot mean. Three small functions: one that compares two results, and two
# that count the operations of yours. Where the counts and the clock disagree is where it gets
# interesting.
#
# **How to count.** A multiplication and an addition are one operation each, so a product of (m, k)
# by (k, n) costs 2 m k n. Additions of whole tensors, such as + b, are left out.
#
# - `recurrent_flops`: the products W h_{t-1} and U x_t, for N sequences and T steps.
# - `convolution_flops`: the kernel as T products of (H, H) by (H, H), which is about what doubling
#   needs; U x_t for all inputs; and the convolution, in which each of the N T states is a sum over
#   T taps of an (H, H) matrix times a vector. The zeros of the padding count too: conv1d multiplies
#   by them as by anything else.
#
# With all sizes 1 the counts are 4 and 6.

# %% [raw]
# # BEGIN SOLUTION


# %%
def largest_difference(a, b):
    """The largest |a - b| over all entries, one number. a and b have the same shape.

    With a = [1, 2] and b = [1, 2.5]: 0.5.
    """
    return (a - b).abs().max()  # SOLUTION


def recurrent_flops(N, T, D, H):
    """The operations in the products of `unrolled_ssm_forward`. All sizes 1: 4."""
    return 2 * N * T * H * (H + D)  # SOLUTION


def convolution_flops(N, T, D, H):
    """The operations in the products and the convolution of `conv_ssm_forward`. All sizes 1: 6."""
    return 2 * T * H**3 + 2 * N * T * D * H + 2 * N * T**2 * H**2  # SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: the largest difference of four numbers
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_difference_of_four(largest_difference):
    import torch
    from labkit.checks import same

    a, b = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 2.5], [3.0, 4.25]])
    same(largest_difference(a, b), 0.5, rtol=1e-5, show=True)


test_difference_of_four(largest_difference)

# %%
""" # BEGIN TEST CONFIG
name: the counts when every size is 1
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_counts_at_one(recurrent_flops, convolution_flops):
    from labkit.checks import same

    same(recurrent_flops(1, 1, 1, 1), 4, rtol=1e-5, about="recurrent_flops", show=True)
    same(convolution_flops(1, 1, 1, 1), 6, rtol=1e-5, about="convolution_flops", show=True)


test_counts_at_one(recurrent_flops, convolution_flops)

# %%
""" # BEGIN TEST CONFIG
name: the largest difference, of either sign
points: 1
hidden: true
"""  # END TEST CONFIG


def test_largest_difference(largest_difference):
    import torch
    from labkit.checks import generator, same

    a = torch.randn(2, 5, 3, generator=generator("largest_difference"))
    b = a.clone()
    b[1, 3, 2] += 10
    b[0, 1, 1] -= 4
    same(largest_difference(a, b), (a - b).abs().max(), rtol=1e-6, about="where b is larger")
    same(largest_difference(b, a), (a - b).abs().max(), rtol=1e-6, about="where a is larger")


test_largest_difference(largest_difference)

# %%
""" # BEGIN TEST CONFIG
name: the operations of the recurrence
points: 1
hidden: true
"""  # END TEST CONFIG


def test_recurrent_flops(recurrent_flops):
    from labkit.checks import same
    from solutions.reference import ssm

    for size in ssm.FLOP_SIZES:
        same(recurrent_flops(*size), ssm.recurrent_flops(*size), rtol=1e-5)


test_recurrent_flops(recurrent_flops)

# %%
""" # BEGIN TEST CONFIG
name: the operations of the convolution
points: 1
hidden: true
"""  # END TEST CONFIG


def test_convolution_flops(convolution_flops):
    from labkit.checks import same
    from solutions.reference import ssm

    for size in ssm.FLOP_SIZES:
        same(convolution_flops(*size), ssm.convolution_flops(*size), rtol=1e-5)


test_convolution_flops(convolution_flops)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# <details><summary>Hint: a count that is off by a factor</summary>
#
# Twice too small: a multiplication *and* an addition for each term of a sum. T times too small: how
# many taps does one state sum over? N times: the kernel is made once, everything else for each of
# the N sequences.
# </details>
#
# How many times the operations of the recurrence does the convolution take? By your counts:

# %% tags=["otter_ignore"]
with needs("2c"):
    race.counted(recurrent_flops, convolution_flops, N, D, H=(2, 8, 32), T=(8, 128, 512))

# %% [raw]
# # BEGIN QUESTION
# name: q2c_1
# manual: true
# points: 1

# %% [markdown]
# ## 2c Q1 · Do they agree?
# 1 point · difficulty 1 of 3 · about 10 minutes
#
# The next cell compares your two functions, and draws their difference at each step. How large is the
# largest difference, and why is it not exactly zero? And suppose that both functions had forgotten
# b, or that W were c times the identity: what would this comparison have told you? Say what agreement
# between the two proves, and what it does not.

# %% tags=["otter_ignore"]
with needs("2a", "2b", "2c"):
    inputs = ssm_inputs(N, 256, D, 16)
    states, same_states = unrolled_ssm_forward(*inputs), conv_ssm_forward(*inputs)
    print(f"largest difference  {float(largest_difference(states, same_states)):.2e}")
    print(f"largest state       {float(states.abs().max()):.2e}")
    plots.differences(states, same_states)

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# About 1e-4 with states up to about 50: a few parts in a million, or some tens of roundings of
# float32 (6e-8 each), and it grows over the first steps as roundings add up. The two functions add the
# same terms in another order, and the kernel multiplies powers together first; float32 rounds after
# each operation, so the results cannot be expected to be equal to the last bit.
#
# Had both forgotten b, the difference would be just as small: the comparison shows that two programs
# compute the same thing, not that it is the right thing. A test on W = c I would not see a transpose,
# or code that reads only W[0, 0]. What proves more is an independent check: the definition in
# float64, an example by hand, a W that is not symmetric.
#
# **Rubric.** 0.5 for the size, relative to the states or called rounding error, with its reason
# (another order of operations in float32). 0.5 for saying that agreement does not show correctness,
# with one example or a better check.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2c_2
# manual: true
# points: 1

# %% [markdown]
# ## 2c Q2 · What the recurrence costs
# 1 point · difficulty 1 of 3 · about 10 minutes
#
# Give the number of operations of the recurrent form in O-notation, with N, T, D and H in it. Which
# of its two products is the larger one at H = 2, and which at H = 32, with D = 32? And how many of
# the T steps could be worked on at the same time: what has to wait for what?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# O(N T H (H + D)), exactly 2 N T H (H + D). At H = 2 the input product is D / H = 16 times the
# other; at H = 32 they are equal. All U x_t can be computed at once, before anything else. W h_{t-1}
# has to wait for h_{t-1}, so written this way there is a chain of T products, each about 1 + log2 H
# deep: the span is O(T log H), whatever the number of processors. (The recurrence itself is not bound
# to that: an associative scan computes the same states with span O(log T log H).)
#
# **Rubric.** 0.5 for the count with both terms. 0.5 for the chain of T dependent steps (the remark
# on the scan is not asked for).

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2c_3
# manual: true
# points: 1

# %% [markdown]
# ## 2c Q3 · What the convolution costs
# 1 point · difficulty 2 of 3 · about 10 minutes
#
# Now the convolutional form in O-notation. The homework's solution gives O(H^3 T) for it. Which part
# of your count is that, which part does it leave out, and how large would H have to be, at N = 32 and
# T = 512, before the part that it names is the larger one?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# O(T H^3 + N T D H + N T^2 H^2). H^3 T is the kernel. The convolution itself, 2 N T^2 H^2, is left
# out, and kernel over convolution is H / (N T): the kernel is the larger part only for H above N
# T = 16384 at T = 512. (At T = 8 that is H above 256, so for short sequences and large states the
# official solution's term is the one that counts.) Over the recurrence it is 57.8 times the
# operations at H = 4, T = 512 and 257 times at H = 32.
#
# **Rubric.** 0.5 for a count with the term N T^2 H^2. 0.5 for naming the kernel as what the
# official solution counts, and H = N T = 16384.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [markdown]
# **Two kinds of cost.** What you counted is the *work*: all operations together. The *span* is the
# longest chain of operations in which each has to wait for the one before; with any number of
# processors, no computation takes less time than its span. The next cell runs your functions under a
# counter and without a clock (N = 4, D = 4, H = 8). One of the two forms does less, the other waits
# less. Which of these will a clock show you on a CPU, which on a GPU?

# %% tags=["otter_ignore"]
with needs("2a", "2b"):
    lengths = (16, 32, 64, 128, 256)
    small = {T: ssm_inputs(4, T, 4, 8) for T in lengths}
    counted = {
        "recurrence": workspan.growth(answered(unrolled_ssm_forward), small.get, lengths),
        "convolution": workspan.growth(answered(conv_ssm_forward), small.get, lengths),
        "its kernel": workspan.growth(
            answered(make_conv_kernel), lambda T: (small[T][0], T), lengths
        ),
    }
    plots.show(*workspan.plot(counted))
    for name, growth in counted.items():
        if not growth.complete:
            print(f"{name}: part of it runs outside torch, where nothing is counted")

# %% [raw]
# # BEGIN QUESTION
# name: q2c_4
# manual: true
# points: 2

# %% [markdown]
# ## 2c Q4 · Which is faster, and from which T?
# 2 points · difficulty 2 of 3 · about 30 minutes
#
# By the counts it is no race: the convolution always has more to do, up to hundreds of times.
# Decide for yourself before you look. **For each H, from which T on do you expect the convolution
# to be faster on this machine?** Write a number between 8 and 512 (it need not be one of those
# measured), or `None` for never. Nothing here is graded; being wrong is worth more than leaving it
# out.

# %% [raw]
# # BEGIN SOLUTION

# %%
my_crossing = {}
my_crossing[2] = 16  # SOLUTION
my_crossing[4] = 16  # SOLUTION
my_crossing[8] = 64  # SOLUTION
my_crossing[16] = None  # SOLUTION
my_crossing[32] = None  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [markdown]
# Now measure, in under a minute. W is 0.99 times a random orthogonal matrix, so that its powers
# neither die out nor explode at any H. (With 0.05 times normal numbers, as in the original
# benchmark, most of the kernel underflows to zero, and the clock times products with zeros.) The
# two take turns, on one thread, and the median counts.

# %% tags=["otter_ignore"]
with needs("2a", "2b"):
    measured = timing.sweep(
        {"recurrence": unrolled_ssm_forward, "convolution": conv_ssm_forward},
        lambda H, T: ssm_inputs(N, T, D, H, radius=0.99),
        [{"H": H, "T": T} for H in (2, 4, 8, 16, 32) for T in (8, 32, 128, 256, 512)],
    )

# %% tags=["otter_ignore"]
with needs("2a", "2b", "the measurement above"):
    race.draw(measured, my_crossing)

# %% [markdown]
# Look at the upper row. Where were you right, and where wrong? **Explain both ends:** why can the
# convolution be faster at small H, although it has many times the operations? And why does it lose
# at large H, and for long sequences? The homework's solution says that the convolution is slower on
# the CPU because it has more to compute: for which part of your plot is that true?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# At small H the recurrence does not spend its time on arithmetic. Each step is a handful of calls
# from Python into torch, some microseconds each whatever their size, so its time is T times a
# constant and hardly depends on H. The convolution is a few calls in all, and one of them is a
# single large, regular job that the processor works through at full speed, with vector
# instructions: from T = 128 on it performs some 10 to 30 times more operations per second. So with
# H = 2 it wins over most lengths, at T = 128 by about a factor of 3, although it has many times the
# operations.
#
# Its work grows like T^2 H^2, the recurrence's like T H (H + D). As H grows the convolution becomes
# bound by arithmetic while the recurrence is still bound by overhead: at H = 32, T = 512 it has 257
# times the operations and is some 10 to 30 times slower. For fixed H the T^2 wins in the end as
# well, so there is a window of T in which the convolution is faster, not a single crossing, and the
# window closes as H grows. The official solution is right for large H and not for small; also, more
# cores would help the convolution and not the chain of the recurrence.
#
# **Rubric.** 1 for small H: overhead of each step (calls, not arithmetic) against one large
# parallel or vectorised operation. 1 for large H or T: the work of the convolution, with its growth
# in H or T, takes over; and saying that the official solution's statement holds for large H only.
# Judge by the student's own plot: machines differ.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2c_5
# manual: true
# points: 1

# %% [markdown]
# ## 2c Q5 · What grows how?
# 1 point · difficulty 2 of 3 · about 10 minutes
#
# Look at the lower row, then at both. From T = 128 to 512, by how much do time and peak memory of
# each form grow, and by how much from H = 8 to H = 32 at T = 512? Which of these growths do your
# counts predict, and what does the convolution hold in memory that the recurrence does not need?

# %% tags=["otter_ignore"]
with needs("2a", "2b", "the measurement in Q4"):
    race.growth(
        measured,
        [({"H": 8, "T": 128}, {"H": 8, "T": 512}), ({"H": 8, "T": 512}, {"H": 32, "T": 512})],
    )

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# Recurrence: time about x 4 from T = 128 to 512 (it is proportional to T), and hardly anything from
# H = 8 to 32, where the count says x 6.4: overhead, not arithmetic. Memory x 4 with T and x 4 with H:
# the N T H states, held as a list and once more when they are stacked. Convolution: time about x 7
# to 12 with T and x 5 to 10 with H; T^2 H^2 predicts x 16 for both, and larger matrices run at a
# higher speed. Memory about x 4 with T and x 5 with H: besides the states it holds v, v padded to
# nearly twice the length, the kernel of H^2 T entries (and a copy of it reversed), and the scratch
# space of conv1d, in all three to five times what the recurrence takes. The kernel's H^2 T overtakes
# N T H only where H is above N = 32.
#
# **Rubric.** 0.5 for time: linear in T for the recurrence and almost flat in H; towards T^2 and H^2 for
# the convolution. 0.5 for memory: linear in T for both, and one of: kernel H^2 T, padded input, scratch
# space.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [markdown]
# ## What you found
#
# One column for each H. An operation is what you counted in 2c. The last two rows are worth a
# second look: the form that does more work is also the one that works faster, and that is the whole
# story of this notebook.

# %% tags=["otter_ignore"]
with needs("2a", "2b", "2c", "the measurement in Q4"):
    flops = {"recurrence": recurrent_flops, "convolution": convolution_flops}
    race.findings(measured, my_crossing, flops, N, D)

# %% [markdown]
# ## Beyond
#
# **One benchmark, four clocks.** A benchmark is a program too, and can be wrong like any other. The
# next cell asks one question, how long the convolution takes compared with the recurrence (H = 8,
# T = 64), of four clocks. One does not wait for the work to finish, as happens with every GPU timer
# that forgets to synchronise (on a CPU torch always waits, so the call is handed to another thread
# here, and the clock read at once). One waits, and draws W as 0.05 times normal numbers: the kernel
# underflows to zeros and denormal numbers, on which some processors take many times as long as on
# other numbers, and others no longer. One warms up at another size and takes the mean of three. The
# last one is fair. Which of the others would have led you to another conclusion, on your machine?

# %% tags=["otter_ignore"]
with needs("2a", "2b"):
    W, U, b, x = ssm_inputs(N, 64, D, 8)
    readings = timing.four_clocks(
        unrolled_ssm_forward,
        conv_ssm_forward,
        args=(W, U, b, x),
        small_args=(0.05 * torch.randn(8, 8), U, b, x),
        fresh_args=[ssm_inputs(N, T, D, 8) for T in range(55, 64)],
    )
    plots.clocks(readings, "recurrence", "convolution")

# %% [markdown]
# **Another machine.** The same comparison, recorded on the machine named below, which was busy with
# other things all the while. Lines: the fair way. Crosses: the way of the original benchmark (W as
# 0.05 times normal numbers, one call to warm up, the mean of ten, one form after the other). The
# lines could be drawn again tomorrow. The crosses are what a single hurried measurement would have
# shown.

# %% tags=["otter_ignore"]
claims.show_recorded("2c")

# %% [markdown]
# **Going further.** The spectrum of the kernel times the spectrum of the input (`torch.fft.rfft`,
# padded to 2T) is the same convolution at T log T instead of T^2: where does that move the
# crossing? A middle way cuts the sequence into chunks of about sqrt(T) steps, runs all chunks side
# by side, and passes one state along from chunk to chunk. The GPU notebook has a place for your
# fastest version.
