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
# name: q_ssm_convolution_kernel
# init_cell: true
# tests:
#   files: false
#   ok_format: false

# %% [markdown]
# # The convolution kernel of a state-space model
#
# Problem 1 · 20 points: 13 for code and answers, 7 for words · about three and a half hours
#
# A state-space model carries a state from step to step, and its output is read off that state.
# Because every step is linear, the states can be eliminated: the output is a convolution of the
# input with one fixed sequence of matrices, the kernel. So the same model is two things: a loop
# that remembers, and a filter that needs no memory at all. Sequence models rely on this: they are
# trained as the filter, all steps at once, and run as the loop, one step at a time.
#
# You will find the kernel, see what it looks like, and make it in four ways: one by definition, one
# with a short chain, and two that save most of the work when A has structure. Two beliefs will not
# survive: that a recurrence has to be run one step after another, and that what runs in parallel
# does less work.
#
# **The model.**
#
# $$x_{k+1} = A x_k + B u_k, \qquad y_k = C x_k + D u_k, \qquad k = 0, \dots, L, \qquad x_0 = 0$$
#
# ```text
# x_{k+1} = A x_k + B u_k,   y_k = C x_k + D u_k   for k = 0, ..., L, from x_0 = 0
# ```
#
# | symbol | shape | what it is |
# |:--|:--|:--|
# | `u` | (L + 1, m) | the input: `u[k]` holds the m numbers that come in at step k |
# | `A` | (n, n) | carries the state on from step to step |
# | `B` | (n, m) | brings the input into the state |
# | `C` | (r, n) | reads the output off the state |
# | `D` | (r, m) | passes the input straight through |
# | `y` | (L + 1, r) | the output: `y[k]` holds the r numbers that go out at step k |
# | `K` | (L + 1, r, m) | the kernel: `K[l]` is what an input does to the output l steps later |
#
# Everything runs from step 0 to step L, so there are L + 1 inputs, L + 1 outputs, and L + 1
# matrices `K[l]`, which are called the taps of the kernel. The problem comes from Homework 8 of
# EECS 182 (Berkeley, Fall 2025), "the sheet" below, which came with an official solution.

# %%
import torch
import torch.nn.functional as F

from labkit import kernel_costs, kernel_plots
from labkit.answers import needs


# %% [raw]
# # BEGIN QUESTION
# name: q1a
# points: 4

# %% [markdown]
# ## 1a · The kernel, and the output from it
# 4 points · difficulty 1 of 3 · about 30 minutes
#
# Send in a single 1 at step 0 and nothing afterwards. At step 0 it goes straight through D; at step
# 1 C reads what B has put into the state; from then on A multiplies the state, once per step. Those
# outputs are the kernel, and any input is a sum of such pulses, shifted and scaled. Write both
# halves: the kernel from its definition, and the output from a kernel. What surprises people is
# that the powers of A lag one behind the taps: the first tap has no A in it, and neither does the
# second.
#
# $$y_k = \sum_{\ell=0}^{k} K_\ell\, u_{k-\ell}, \qquad K_0 = D, \qquad K_\ell = C A^{\ell-1} B \quad (\ell \ge 1)$$
#
# ```text
# y_k = sum over l = 0, ..., k of K_l u_{k-l}
# K_0 = D   and   K_l = C A^(l-1) B   for l = 1, ..., L
# ```
#
# **On the zeros.** The sheet lets the sum run to L and takes u with index ≤ 0 as zero. Taken
# literally, that would throw away the first input, u_0. It means u with a *negative* index, so that
# the terms with l > k are zero, as above.
#
# **An example, by hand.** With A = 0.5, B = 1, C = 2, D = 3 (all 1 x 1), L = 3 and u = 4, 0, -2, 0:
#
# ```text
# K = 3, 2 * 1, 2 * 0.5 * 1, 2 * 0.25 * 1 = 3, 2, 1, 0.5
# y_2 = 3 * (-2) + 2 * 0 + 1 * 4 = -2       and in all, y = 12, 8, -2, -2
# ```

# %% [raw]
# # BEGIN SOLUTION


# %%
def ssm_kernel(A, B, C, D, L):
    """The kernel of a state-space model, for any square A and any L >= 0.

    A (n, n), B (n, m), C (r, n), D (r, m) -> K (L + 1, r, m), with K[0] = D, K[l] = C A^(l-1) B.

    With A = [[0.5]], B = [[1]], C = [[2]], D = [[3]] and L = 3: [[[3]], [[2]], [[1]], [[0.5]]].
    """
    # BEGIN SOLUTION
    taps, state = [D], B  # the state that an impulse leaves, (n, m): A^{l-1} B
    for _ in range(L):
        taps.append(C @ state)
        state = A @ state
    return torch.stack(taps)  # (L + 1, r, m)
    # END SOLUTION


# %%
def kernel_output(K, u):
    """The output of a system that is known by its kernel.

    K (L + 1, r, m), u (L + 1, m) -> y (L + 1, r), where y[k] sums K[l] u[k - l] over l = 0 .. k.

    With K = [[[3]], [[2]], [[1]], [[0.5]]] and u = [[4], [0], [-2], [0]]: [[12], [8], [-2], [-2]].
    """
    # BEGIN SOLUTION
    L = len(u) - 1
    past = F.pad(u, (0, 0, L, 0)).unfold(0, L + 1, 1)  # (L + 1, m, L + 1): zeros before step 0
    return torch.einsum("lri,kil->kr", K, past.flip(2))  # the newest input meets K_0
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: at L = 0 there is only D
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_only_straight_through(ssm_kernel):
    import torch
    from labkit.checks import same

    K = ssm_kernel(torch.eye(3), torch.ones(3, 2), torch.ones(1, 3), torch.tensor([[5.0, 7.0]]), 0)
    same(K, [[[5.0, 7.0]]], rtol=1e-5, axes=("lag", "output", "input"), show=True)


test_only_straight_through(ssm_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the kernel worked by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_kernel_by_hand(ssm_kernel):
    import torch
    from labkit.checks import same

    A, B, C, D = (torch.tensor([[number]]) for number in (0.5, 1.0, 2.0, 3.0))
    K = ssm_kernel(A, B, C, D, 3)
    same(
        K,
        [[[3.0]], [[2.0]], [[1.0]], [[0.5]]],
        rtol=1e-5,
        axes=("lag", "output", "input"),
        show=True,
    )


test_kernel_by_hand(ssm_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the kernel of an A that is not symmetric
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_kernel_not_symmetric(ssm_kernel):
    import torch
    from labkit.checks import same

    A, B = torch.tensor([[0.5, 1.0], [0.0, 0.5]]), torch.tensor([[0.0], [1.0]])
    C, D = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0]])
    K = ssm_kernel(A, B, C, D, 3)
    same(
        K,
        [[[0.0]], [[0.0]], [[1.0]], [[1.0]]],
        rtol=1e-5,
        axes=("lag", "output", "input"),
        show=True,
    )


test_kernel_not_symmetric(ssm_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the output worked by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_output_by_hand(kernel_output):
    import torch
    from labkit.checks import same

    K = torch.tensor([3.0, 2.0, 1.0, 0.5]).reshape(4, 1, 1)
    y = kernel_output(K, torch.tensor([[4.0], [0.0], [-2.0], [0.0]]))
    same(y, [[12.0], [8.0], [-2.0], [-2.0]], rtol=1e-5, axes=("step", "output"), show=True)


test_output_by_hand(kernel_output)

# %%
""" # BEGIN TEST CONFIG
name: a delayed input delays the output
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_output_delay(kernel_output):
    import torch
    from labkit.checks import of_shape, same

    K = torch.arange(48.0).reshape(8, 3, 2)
    u = torch.cat([torch.eye(2), -torch.ones(4, 2), torch.zeros(2, 2)])
    y = of_shape(kernel_output(K, u), 8, 3, axes=("step", "output"))
    y_delayed = kernel_output(K, u.roll(2, 0))
    nothing = torch.zeros(2, 3)
    same(y_delayed, torch.cat([nothing, y[:-2]]), rtol=1e-5, axes=("step", "output"), show=True)


test_output_delay(kernel_output)

# %%
""" # BEGIN TEST CONFIG
name: the kernel at L = 0 and 1
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_short_kernels(ssm_kernel):
    from solutions.reference import kernel, kernel_cases

    for case in kernel_cases.systems(L=(0, 1), radius=0.98):
        expected = kernel.kernel(*case.args)
        case.same(ssm_kernel(*case.args), expected)


test_short_kernels(ssm_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the kernel at any length
points: 1
hidden: true
"""  # END TEST CONFIG


def test_any_kernel(ssm_kernel):
    from solutions.reference import kernel, kernel_cases

    for case in kernel_cases.systems(L=(2, 7, 64), radius=0.98):
        expected = kernel.kernel(*case.args)
        case.same(ssm_kernel(*case.args), expected)


test_any_kernel(ssm_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the kernel of an A without a basis of eigenvectors
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_shift_register(ssm_kernel):
    from solutions.reference import kernel, kernel_cases

    for case in kernel_cases.forgetful(L=(3, 9)):
        expected = kernel.kernel(*case.args)
        case.same(ssm_kernel(*case.args), expected)


test_shift_register(ssm_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the output at any length
points: 1.5
hidden: true
"""  # END TEST CONFIG


def test_any_output(kernel_output):
    from solutions.reference import kernel, kernel_cases

    for system, case in kernel_cases.driven(L=(0, 1, 7, 64), radius=0.98):
        K, u = case.args
        case.same(kernel_output(K, u), kernel.recurrence(*system, u))


test_any_output(kernel_output)

# %%
""" # BEGIN TEST CONFIG
name: long memory, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_long_kernel(ssm_kernel, kernel_output):
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import kernel, kernel_cases

    for case in kernel_cases.systems(L=(300,), radius=0.99):
        expected = kernel.kernel(*case.args)
        case.same(ssm_kernel(*case.args), expected)
        leaves_inputs_alone(ssm_kernel, *case.args, names="ABCDL")
    for system, case in kernel_cases.driven(L=(300,), radius=0.99):
        K, u = case.args
        case.same(kernel_output(K, u), kernel.recurrence(*system, u))
        leaves_inputs_alone(kernel_output, K, u, names="Ku")


test_long_kernel(ssm_kernel, kernel_output)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See what your functions do.** The system swings, and half of its input goes straight through. On
# the left is its kernel, on the right its output for a pulse of 1 and one of -0.5. The black line
# is where it should be: one copy of the kernel at each pulse, and the two added up.

# %% tags=["otter_ignore"]
with needs("1a"):
    kernel_plots.outputs(ssm_kernel, kernel_output)

# %% [markdown]
# <details><summary>Hint 1: the kernel without powers</summary>
#
# What is the state, one step after an impulse? And a step later? You never need A^(l-1) by itself.
# </details>
#
# <details><summary>Hint 2: the output, with a loop</summary>
#
# Take the taps one by one. Tap l carries the input l steps on, so it adds to y[l], y[l + 1], ..., y[L].
# Which of the inputs does it meet there? The two slices have the same length.
# </details>
#
# <details><summary>Hint 3: rows and columns</summary>
#
# K_l u is a matrix times a column, while `u[i]` is a row. For many steps at once, with inputs as rows
# (steps, m), the outputs (steps, r) are `u @ K[l].T`.
# </details>
#
# <details><summary>Hint 4: nearly there</summary>
#
# `X = B`, and then L times: store `C @ X`, and set `X = A @ X`. D goes in front of them all;
# `torch.stack` turns a list into one tensor. For the output, start from zeros (L + 1, r), and for
# each l add `u[: L + 1 - l] @ K[l].T` to `y[l:]`.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q1a_1
# manual: true
# points: 3

# %% [markdown]
# ## 1a Q1 · Where the kernel comes from
# 3 points · difficulty 2 of 3 · about 25 minutes
#
# Show that the output of the model *is* the convolution above, and that K is what it is said to be.
# Begin with the states: find a formula for x_k in terms of u_0, ..., u_{k-1}, and say why it holds
# for every k. Then write y_k as a convolution, and say where x_0 = 0 was used. What would be added
# to y_k if x_0 were not zero?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# **States.** For every k, x_k is the sum over j = 0, ..., k-1 of A^(k-1-j) B u_j. By induction: at
# k = 0 the sum is empty, and x_0 = 0. If it holds at k, then x_{k+1} = A x_k + B u_k multiplies every
# term by A, which raises its exponent to k - j, and adds B u_k, which is the term j = k with A^0.
#
# **Outputs.** y_k = C x_k + D u_k = D u_k + sum over j = 0, ..., k-1 of C A^(k-1-j) B u_j. Count by
# how long ago an input came, l = k - j, which runs from 1 to k: the sum becomes that of
# C A^(l-1) B u_{k-l} over l = 1, ..., k. With D as the term l = 0 this is the sum over l = 0, ..., k of
# K_l u_{k-l}, where K_0 = D and K_l = C A^(l-1) B. Terms with l > k meet inputs of negative index, so
# with those set to zero the sum may run to L.
#
# **The start.** Without x_0 = 0 the state has the further term A^k x_0, and y_k the further term
# C A^k x_0: what the system still remembers of its start, whatever comes in.
#
# **Rubric.** 1 for the formula of x_k, with induction or an unrolled pattern that is clearly general.
# 1 for the change of index from j to k - l that makes it a convolution. 1 for K_0 = D and
# K_l = C A^(l-1) B with the right exponent, and for the place of x_0 = 0 (0.5 without the last).

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q1b
# points: 2

# %% [markdown]
# ## 1b · Two kernels by hand
# 2 points · difficulty 1 of 3 · about 15 minutes
#
# Numbers you have worked out yourself are the cheapest test of code there is. Do these on paper
# before you let your function do them; the next figure puts the two side by side. The entries of a
# kernel are the **impulse response**: what comes out, step by step, after a single 1 has gone in.
#
# - `scalar_kernel`: n = 1, A = 0.8, B = 1, C = 1.5, up to L = 4. The sheet gives no D here: take
#   D = 0. Five numbers, K_0 first.
# - `matrix_kernel`: up to L = 3, so four numbers, for
#
# ```text
# A = [[0.7, 0.1], [0.2, 0.6]],   B = [[1], [0]],   C = [[1, 0]],   D = 0
# ```
#
# Write lists of numbers, exact or to three decimal places.

# %% [raw]
# # BEGIN SOLUTION

# %%
scalar_kernel = [0, 1.5, 1.2, 0.96, 0.768]  # SOLUTION
matrix_kernel = [0, 1, 0.7, 0.51]  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: five numbers and four
points: 0
hidden: false
success_message: The right count. Hidden checks look at the numbers and decide the score.
"""  # END TEST CONFIG


def test_how_many(scalar_kernel, matrix_kernel):
    from labkit.checks import how_many

    how_many(scalar_kernel, 5, about="scalar_kernel")
    how_many(matrix_kernel, 4, about="matrix_kernel")


test_how_many(scalar_kernel, matrix_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the scalar kernel
points: 1
hidden: true
"""  # END TEST CONFIG


def test_scalar_kernel(scalar_kernel):
    from labkit.checks import as_tensor, same

    numbers = as_tensor(scalar_kernel).flatten()
    same(numbers, [0.0, *(1.5 * 0.8**lag for lag in range(4))], rtol=1e-3, axes=("lag",))


test_scalar_kernel(scalar_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the 2 x 2 kernel
points: 1
hidden: true
"""  # END TEST CONFIG


def test_matrix_kernel(matrix_kernel):
    from labkit.checks import as_tensor, same

    numbers = as_tensor(matrix_kernel).flatten()
    same(numbers, [0.0, 1.0, 0.7, 0.7 * 0.7 + 0.1 * 0.2], rtol=1e-3, axes=("lag",))


test_matrix_kernel(matrix_kernel)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **Three impulse responses.** On the left, your two results by hand over what your `ssm_kernel`
# makes of the scalar case (the 2 x 2 system is another one, so its marks lie elsewhere). In the
# middle is a plane that turns while it shrinks; on the right, a system like the one in 1f. The
# black lines are the exact values. The three vertical axes differ.

# %% tags=["otter_ignore"]
with needs("1a", "1b"):
    kernel_plots.impulse_responses(ssm_kernel, scalar_kernel, matrix_kernel)

# %% [markdown]
# <details><summary>Hint: a number that is not what you expect</summary>
#
# The first number is D. The second has no power of A in it. For the 2 x 2 kernel do not square the
# entries of A: write out the upper left entry of A A as row times column.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q1b_1
# manual: true
# points: 1

# %% [markdown]
# ## 1b Q1 · What a kernel tells
# 1 point · difficulty 1 of 3 · about 10 minutes
#
# Why is K called the impulse response, and what does K_5 tell you about an input of five steps ago?
# The official solution says that the response decays over time, so that older inputs matter less.
# Look at your three plots: which property of A decides whether that is true?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# With u = (1, 0, 0, ...) only one term of the sum is left, and y_k = K_k: the kernel is what comes out
# after an impulse. By linearity and because A, B, C, D are the same at every step, K_5 is the factor
# with which the input of five steps ago enters the present output, whenever that is.
#
# It decays if the eigenvalues of A are smaller than 1 in magnitude (0.8; 0.8 and 0.5 in the 2 x 2
# case). Complex eigenvalues make it ring: the size of the swings decays, while single values grow,
# vanish and change their sign, so an older input can matter more than a newer one. With an eigenvalue
# above 1, such as 1.25 in the plot on the right, old inputs matter ever more. (An eigenvalue counts
# only if B reaches it and C sees it.)
#
# **Rubric.** 0.5 for the impulse response and the meaning of one tap. 0.5 for saying that decay
# depends on A, by its eigenvalues (or spectral radius), with a case where it fails.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q1c
# points: 2

# %% [markdown]
# ## 1c · How long is the longest chain?
# 2 points · difficulty 2 of 3 · about 25 minutes
#
# Give yourself as many processors as you like. Then it does not matter how many operations there are,
# only how many of them have to wait for one another: the longest such chain is the **span** (or
# critical path), and all operations together are the **work**. Adding two numbers, or multiplying
# them, is one step. Adding up k numbers takes log k steps, since they can be added in pairs, and the
# pairs in pairs; so a matrix times a vector, with k columns, takes about log k.
#
# There are three ways to compute y, with n states and m inputs per step:
#
# - **The kernel K is known**, and y_k is the sum over l of K_l u_{k-l}, for all k.
# - **Step by step**: x_{k+1} = A x_k + B u_k, one after the other, as the model is written.
# - **An associative scan.** Write a step as a pair (A, v) that stands for x -> A x + v. Two steps
#   in a row are again such a pair: first (A, v), then (A', v'), together (A' A, A' v + v'). So
#   combine steps in pairs, then the pairs in pairs, until every prefix is known.
#
# The official solution says of the second way that its L steps cannot be parallelized. Whether that
# is true of the recurrence is what the third way is about.
#
# **Choose the span of each**, up to constant factors, from this list (copy the text between the
# quotes):
#
# ```text
# "1"    "log n"    "log L + log m"    "log L log n"    "L + log n"    "L log n"    "L log L"
# ```

# %% [raw]
# # BEGIN SOLUTION

# %%
convolution_span = "log L + log m"  # SOLUTION
recursion_span = "L log n"  # SOLUTION
scan_span = "log L log n"  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: three choices from the list
points: 0
hidden: false
success_message: All three are on the list. Hidden checks say whether they are right.
"""  # END TEST CONFIG


def test_choices(convolution_span, recursion_span, scan_span):
    from labkit.checks import choice

    spans = "1; log n; log L + log m; log L log n; L + log n; L log n; L log L".split("; ")
    choice(convolution_span, convolution_span, spans, about="convolution_span")
    choice(recursion_span, recursion_span, spans, about="recursion_span")
    choice(scan_span, scan_span, spans, about="scan_span")


test_choices(convolution_span, recursion_span, scan_span)

# %%
""" # BEGIN TEST CONFIG
name: the span where the kernel is known
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_convolution_span(convolution_span):
    from labkit.checks import choice

    spans = "1; log n; log L + log m; log L log n; L + log n; L log n; L log L".split("; ")
    choice(convolution_span, "log L + log m", spans)


test_convolution_span(convolution_span)

# %%
""" # BEGIN TEST CONFIG
name: the span step by step
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_recursion_span(recursion_span):
    from labkit.checks import choice

    spans = "1; log n; log L + log m; log L log n; L + log n; L log n; L log L".split("; ")
    choice(recursion_span, "L log n", spans)


test_recursion_span(recursion_span)

# %%
""" # BEGIN TEST CONFIG
name: the span of a scan
points: 1
hidden: true
"""  # END TEST CONFIG


def test_scan_span(scan_span):
    from labkit.checks import choice

    spans = "1; log n; log L + log m; log L log n; L + log n; L log n; L log L".split("; ")
    choice(scan_span, "log L log n", spans)


test_scan_span(scan_span)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# <details><summary>Hint 1: which numbers does an output wait for?</summary>
#
# With K known, write y_k for m inputs as one sum of products of numbers. How many products are
# there, at most? Which of them wait for another? And does n appear in it at all?
# </details>
#
# <details><summary>Hint 2: chains of products</summary>
#
# A chain of s matrix products, each waiting for the one before, has span s times that of one
# product. How many rounds of combining does each of the three ways need, and what is one round?
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q1c_1
# manual: true
# points: 2

# %% [markdown]
# ## 1c Q1 · Why
# 2 points · difficulty 2 of 3 · about 20 minutes
#
# Give the reason for each of your three answers, in two or three sentences each. What makes the
# scan possible, and what does it pay for its short span? In that light, correct the official
# solution's remark about steps that "cannot be parallelized".

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# **K known.** Each entry of y_k is a sum of at most (L + 1) m products of known numbers. All
# products, for all k, take one step together; adding (L + 1) m numbers in pairs takes about
# log((L + 1) m) = log L + log m steps. No output waits for another, and n does not appear. (The
# official solution's log L log n charges for matrix products that are no longer there; as an upper
# bound it is not wrong.)
#
# **Step by step.** x_{k+1} waits for x_k, and a product of A with a vector is 1 + log n deep. There are
# L of them in a row: L log n.
#
# **Scan.** Composing steps is associative, so they may be put together in any grouping: pairs, then
# pairs of pairs, log L rounds. A round is a matrix product, log n deep: log L log n. The price is work:
# a product of two n x n matrices costs n^3 where the loop multiplies a matrix and a vector, n^2. In
# general L n^3 instead of L n^2; here, where A is the same at every step, the powers can be shared, and
# it is n^3 log L + L log L n^2 in the simplest version.
#
# **The sentence.** The loop as written is a chain of L steps, but the recurrence is not bound to it:
# it computes prefixes of an associative operation. "Cannot be parallelized" should be "is not parallel
# as it is written".
#
# **Rubric.** 0.5 each for the three reasons. 0.5 for the correction with associativity, or for the
# price in work.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q1d
# points: 2

# %% [markdown]
# ## 1d · The kernel by doubling
# 2 points · difficulty 2 of 3 · about 30 minutes
#
# The output no longer waits, but the kernel still does: in 1a each power of A comes from the one
# before. Divide and conquer breaks the chain. If you have the first half of a list of powers, the
# second half is that half times one matrix, all of it at once:
#
# $$(I, A, \dots, A^{2k-1}) = \big(X, \; A^k X\big) \quad \text{with } X = (I, A, \dots, A^{k-1}), \qquad A^{2k} = A^k A^k$$
#
# ```text
# [I, A, ..., A^(2k-1)] = [X, A^k X]  with  X = [I, A, ..., A^(k-1)],     A^(2k) = A^k A^k
# ```
#
# Each round doubles the list, so L taps take about log2 L rounds, and a round is a matrix product or
# two. What surprises people is a choice that the formula hides. The kernel asks for C A^(l-1) B, and B
# has only m columns: nobody said that the list has to hold whole powers. What if it starts from B?
#
# Write `kernel_by_doubling`, first for L a power of two, then for any L ≥ 0. Its values are those
# of 1a, and its span should grow like log n log L.
#
# **What is checked.** Values, at powers of two and at any L. One more point is for the span,
# counted in torch's operations and not timed: when L grows sixteenfold, or n eightfold, the span
# may at most triple. With doubling it about doubles, and any other short chain is welcome; a loop
# over the powers makes it sixteen times as long.
#
# **An example.** That of 1a: A = 0.5, B = 1, C = 2, D = 3 and L = 3 give 3, 2, 1, 0.5.

# %% [raw]
# # BEGIN SOLUTION


# %%
def kernel_by_doubling(A, B, C, D, L):
    """The kernel of a state-space model, in about log2 L rounds.

    A (n, n), B (n, m), C (r, n), D (r, m) -> K (L + 1, r, m), as `ssm_kernel`, for any L >= 0.

    With A = [[0.5]], B = [[1]], C = [[2]], D = [[3]] and L = 3: [[[3]], [[2]], [[1]], [[0.5]]].
    """
    # BEGIN SOLUTION
    states, step = B[None], A  # (k, n, m): B, A B, .., A^{k-1} B; and A^k
    while len(states) < L:
        states = torch.cat([states, step @ states])
        step = step @ step
    return torch.cat([D[None], C @ states[:L]])  # (L + 1, r, m)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: the kernel worked by hand, by doubling
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes, and on the span, decide the score.
"""  # END TEST CONFIG


def test_doubling_by_hand(kernel_by_doubling):
    import torch
    from labkit.checks import same

    A, B, C, D = (torch.tensor([[number]]) for number in (0.5, 1.0, 2.0, 3.0))
    K = kernel_by_doubling(A, B, C, D, 3)
    same(
        K,
        [[[3.0]], [[2.0]], [[1.0]], [[0.5]]],
        rtol=1e-5,
        axes=("lag", "output", "input"),
        show=True,
    )


test_doubling_by_hand(kernel_by_doubling)

# %%
""" # BEGIN TEST CONFIG
name: a plane that turns
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes, and on the span, decide the score.
"""  # END TEST CONFIG


def test_doubling_turns(kernel_by_doubling):
    import torch
    from labkit.checks import same
    from labkit.inputs import rotation

    K = kernel_by_doubling(rotation(0.3, 0.9), torch.eye(2), torch.eye(2), torch.zeros(2, 2), 8)
    turns = [rotation(0.3 * lag, 0.9**lag) for lag in range(8)]
    known = torch.stack([torch.zeros(2, 2), *turns])
    same(K, known, rtol=1e-5, axes=("lag", "output", "input"), show=True)


test_doubling_turns(kernel_by_doubling)

# %%
""" # BEGIN TEST CONFIG
name: the kernel where L is a power of two
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_doubling_powers_of_two(kernel_by_doubling):
    from solutions.reference import kernel, kernel_cases

    for case in kernel_cases.systems(L=(1, 2, 16, 64), radius=0.98):
        expected = kernel.kernel(*case.args)
        case.same(kernel_by_doubling(*case.args), expected)


test_doubling_powers_of_two(kernel_by_doubling)

# %%
""" # BEGIN TEST CONFIG
name: the kernel at any length, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_doubling_any_length(kernel_by_doubling):
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import kernel, kernel_cases

    for case in kernel_cases.systems(L=(3, 7, 17, 100, 0), radius=0.98):
        expected = kernel.kernel(*case.args)
        case.same(kernel_by_doubling(*case.args), expected)
        leaves_inputs_alone(kernel_by_doubling, *case.args, names="ABCDL")


test_doubling_any_length(kernel_by_doubling)

# %%
""" # BEGIN TEST CONFIG
name: the span grows like log n log L
points: 1
hidden: true
"""  # END TEST CONFIG


def test_doubling_span(kernel_by_doubling):
    from labkit.costs import grows_at_most, size_from
    from solutions.reference import kernel, kernel_cases

    L, n = 16 * size_from(1, 2), size_from(5, 8)
    advice = {
        "L": "Each round should double the list, by one product for all of it.",
        "n": "Products of matrices alone make a chain of log n; what takes A apart makes a longer one.",
    }
    for size, sizes, cases in kernel_cases.grown(L=(L, 16 * L), n=(n, 8 * n)):
        for case in cases.values():
            expected = kernel.kernel(*case.args)
            case.same(kernel_by_doubling(*case.args), expected)
        args = {one: case.args for one, case in cases.items()}
        law = {"factor": 3, "size": size, "advice": advice[size]}
        grows_at_most(kernel_by_doubling, args.get, sizes, **law)


test_doubling_span(kernel_by_doubling)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See both.** On the left, the two kernels lie on top of each other, or show where they part. On
# the right is the span of making them, counted on your own functions: nothing is timed; every
# operation is followed, and comes in the chain after those whose results it uses.

# %% tags=["otter_ignore"]
with needs("1a", "1d"):
    kernel_costs.doubling(kernel_by_doubling, ssm_kernel)

# %% [markdown]
# **Work against span, all ways together.** Further right is a longer chain, further up more
# operations; each line goes through L = 16, 32, ..., 256. Three of the ways are yours; step by
# step, the scan and the FFT are counted on zeros, with the same sizes. (The FFT multiplies the
# spectra of K and u: the same convolution, with L log L work instead of L^2.)
#
# Two beliefs break here. *"A recurrence is sequential"*: the scan computes the very states of the
# loop, at L = 256 with a chain 27 times shorter. *"What is parallel does less work"*: at L = 256
# the scan pays with six times the loop's work. (This simplest scan does log L rounds over all L
# steps; a work-efficient one, Blelloch 1990, removes that factor.) And a convolution with a known
# kernel, which has the shortest chain of all, does about two to three and a half times the loop's
# work there, and that ratio doubles with every doubling of L. Being both short and cheap has to be
# earned, by sharing (doubling) or by structure (the FFT, 1e, 1f). If your own `kernel_output` lies
# far to the right, look at how it adds up: a loop that keeps adding to the same y is a chain, even
# where the mathematics has none.

# %% tags=["otter_ignore"]
with needs("1a", "1d"):
    kernel_costs.work_against_span(ssm_kernel, kernel_output, kernel_by_doubling)

# %% [markdown]
# <details><summary>Hint 1: two things to carry</summary>
#
# From round to round carry the list so far, stacked as one tensor with the taps in front, and A^k for
# a list of length k. What are the two for k = 1?
# </details>
#
# <details><summary>Hint 2: one product for a whole list</summary>
#
# `M @ X` with M (n, n) and X (k, n, m) multiplies all k of them at once. `torch.cat` puts two lists in
# a row. Squaring A^k makes the next one.
# </details>
#
# <details><summary>Hint 3: any L</summary>
#
# Go on while the list is shorter than L, and then keep L of its entries. At L = 0 nothing of it is
# kept: `X[:0]` is empty, and products and `torch.cat` accept that.
# </details>
#
# <details><summary>Hint 4: nearly there</summary>
#
# Start from `X = B[None]`, shape (1, n, m), and `P = A`. A round is `X = torch.cat([X, P @ X])` and
# `P = P @ P`. At the end, `C @ X[:L]` has shape (L, r, m), and D goes in front of it.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q1d_1
# manual: true
# points: 1

# %% [markdown]
# ## 1d Q1 · B first
# 1 point · difficulty 2 of 3 · about 15 minutes
#
# Doubling a list of whole powers (n x n) and doubling a list that starts from B (n x m) have the
# same span. Count the work of both, up to constant factors, in n, m and L, and say which products
# it comes from. By what factor do they differ at n = 64, m = 1 and L = 1024? And how does the plain
# loop of 1a compare?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# Whole powers: about L products of n x n matrices, L n^3 (and log2 L squarings, which are few beside
# them; C and B cost another L n^2 (r + m) at most). Starting from B: the log2 L squarings, n^3 log L,
# and L products of an n x n matrix with an n x m one, L n^2 m, in all n^3 log L + L n^2 m.
#
# At n = 64, m = 1, L = 1024: L n^3 = 268 million; n^3 log2 L + L n^2 m = 2.6 + 4.2 = 6.8 million, about
# 39 times less. The loop of 1a, if it carries A^(l-1) B along, takes L n^2 m = 4.2 million: the least of
# the three, with the longest chain. (Where r is smaller than m, starting from C is better still.)
#
# **Rubric.** 0.5 for n^3 log L + L n^2 m against L n^3, with the products named. 0.5 for a factor
# near 40 and for L n^2 m (or L n^3, for a loop over whole powers) with a chain of length L.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q1e
# points: 1

# %% [markdown]
# ## 1e · When A is diagonal
# 1 point · difficulty 2 of 3 · about 20 minutes
#
# Let A = diag(a) with a = (a_1, ..., a_n). Its powers are diagonal too, and every entry of the kernel
# is a sum of n geometric sequences:
#
# $$(K_\ell)_{ij} = \sum_{k=1}^{n} C_{ik} B_{kj}\, a_k^{\ell-1} \qquad (\ell \ge 1)$$
#
# ```text
# K_l[i, j] = sum over k = 1, ..., n of C[i, k] * B[k, j] * a[k]^(l-1)   for l >= 1
# ```
#
# That is a product with the **Vandermonde matrix** V[k, l] = a_k^(l-1), shape (n, L), and it is
# what S4D and its relatives compute. Its span is log L for the powers, and log n for the sum over
# k.
#
# What may surprise you is the work: without n x n matrices it grows like n, not n^2 or n^3. That is
# half of what is checked, by counting operations: **no product with an n x n matrix**, not even one
# that is mostly zeros. The entries of `a` may be negative, and 0; 0 to the power 0 is 1 here.
#
# **An example.** a = (0.5, -1), B = (1, 1) as a column, C = (1, 1) as a row, D = 0 and L = 3 give
# 0, 1 + 1, 0.5 - 1, 0.25 + 1.

# %% [raw]
# # BEGIN SOLUTION


# %%
def kernel_diagonal(a, B, C, D, L):
    """The kernel for A = diag(a), without any n x n matrix.

    a (n,), B (n, m), C (r, n), D (r, m) -> K (L + 1, r, m), for any L >= 0.

    With a = [0.5, -1], B = [[1], [1]], C = [[1, 1]], D = [[0]] and L = 3:
    [[[0]], [[2]], [[-0.5]], [[1.25]]].
    """
    # BEGIN SOLUTION
    powers = a ** torch.arange(L)[:, None]  # (L, n): a_k^{l-1}
    return torch.cat([D[None], (C * powers[:, None]) @ B])  # (L, r, n) @ (n, m)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: two geometric sequences
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes, and on the work, decide the score.
"""  # END TEST CONFIG


def test_two_sequences(kernel_diagonal):
    import torch
    from labkit.checks import same

    B, C, D = torch.ones(2, 1), torch.ones(1, 2), torch.zeros(1, 1)
    K = kernel_diagonal(torch.tensor([0.5, -1.0]), B, C, D, 3)
    same(
        K,
        [[[0.0]], [[2.0]], [[-0.5]], [[1.25]]],
        rtol=1e-5,
        axes=("lag", "output", "input"),
        show=True,
    )


test_two_sequences(kernel_diagonal)

# %%
""" # BEGIN TEST CONFIG
name: the kernel of a diagonal A, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_diagonal(kernel_diagonal):
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import kernel, kernel_cases

    for case in kernel_cases.diagonals(L=(2, 9, 64, 1, 0)):
        expected = kernel.diagonal(*case.args)
        case.same(kernel_diagonal(*case.args), expected)
        leaves_inputs_alone(kernel_diagonal, *case.args, names="aBCDL")


test_diagonal(kernel_diagonal)

# %%
""" # BEGIN TEST CONFIG
name: the work grows like n
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_diagonal_work(kernel_diagonal):
    from labkit.costs import grows_at_most, size_from
    from solutions.reference import kernel, kernel_cases

    args, small = {}, size_from(24, 32)
    for n in (small, 16 * small):
        for case in kernel_cases.diagonals(L=(16,), n=n):
            args[n] = case.args
            expected = kernel.diagonal(*case.args)
            case.same(kernel_diagonal(*case.args), expected)
    advice = "Is there a product with an n x n matrix, most of it zeros?"
    sizes = (small, 16 * small)
    law = {"factor": 40, "quantity": "work", "size": "n"}
    grows_at_most(kernel_diagonal, args.get, sizes, **law, advice=advice)


test_diagonal_work(kernel_diagonal)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See your kernel, and its work.** On the left are two geometric sequences, one of which changes
# its sign at every step. On the right is the work of your function as n grows, beside that of your
# `kernel_by_doubling` with the same A written out as a matrix.

# %% tags=["otter_ignore"]
with needs("1d", "1e"):
    kernel_costs.diagonal(kernel_diagonal, kernel_by_doubling)

# %% [markdown]
# <details><summary>Hint 1: all powers at once</summary>
#
# `a ** exponents` with shapes (n,) and (L, 1) broadcasts to (L, n). Which exponents belong to l = 1,
# ..., L?
# </details>
#
# <details><summary>Hint 2: nearly there</summary>
#
# A diagonal matrix only scales: C diag(w) is `C * w`, each column by its own entry of w. So scale the
# columns of C by each of the L rows of powers, which gives (L, r, n), and multiply by B.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q1f
# points: 2

# %% [markdown]
# ## 1f · When A is the identity plus a rank-one matrix
# 2 points · difficulty 3 of 3 · about 35 minutes
#
# Now A = I + p p^T with p (n,), a full matrix made of only n numbers. With v = p^T p, every power
# is of the same kind, since (p p^T)^j = v^(j-1) p p^T:
#
# $$A^\ell = I + s_\ell\, p p^\top, \qquad s_\ell = \sum_{j=1}^{\ell} \binom{\ell}{j} v^{j-1} = \frac{(1+v)^\ell - 1}{v}$$
#
# ```text
# A^l = I + s_l p p^T
# s_l = sum over j = 1, ..., l of binomial(l, j) v^(j-1) = ((1 + v)^l - 1) / v
# ```
#
# So for l ≥ 1 each tap is C B plus a number times one r x m matrix: K_l = C B + s_{l-1} (C p)(p^T
# B). The surprise is in the closed form at the end, which is exact on paper. For small v the power
# is nearly 1, subtracting 1 cancels all its digits but the last few, and what is left is divided by
# v. At v = 0 it is 0 / 0, where the sum is l. **Write `kernel_identity_plus_rank_one` so that it
# keeps its digits for any p**: from 0 over the tiny to the large, as long as the results are
# numbers that the type of p (float32 or float64) can hold. And since A is made of only n numbers,
# **form no n x n matrix**: a quarter of the points is for work that grows like n, as in 1e.
#
# About the large: this A *explodes*. Its eigenvalue along p is 1 + v, so with v = 1 the power A^128
# is beyond what float32 can hold, and with v = 8.6 it overflows at A^40. The sheet calls the
# structure diagonal-plus-low-rank, as models use it; there a minus sign or a decay keeps it in
# check.
#
# **An example.** p = (1, 0), B = (1, 1) as a column, C = (1, 1) as a row, D = 0 and L = 3. Then
# A = diag(2, 1), v = 1, s = 0, 1, 3, and K = 0, 2, 3, 5.

# %% [raw]
# # BEGIN SOLUTION


# %%
def kernel_identity_plus_rank_one(p, B, C, D, L):
    """The kernel for A = I + p p^T, to nearly all digits for p of any length, from 0 on.

    p (n,), B (n, m), C (r, n), D (r, m) -> K (L + 1, r, m) in the type of p, for any L >= 0.

    With p = [1, 0], B = [[1], [1]], C = [[1, 1]], D = [[0]] and L = 3:
    [[[0]], [[2]], [[3]], [[5]]].
    """
    # BEGIN SOLUTION
    v = p @ p
    lags = torch.arange(L, dtype=p.dtype)  # l - 1
    s = torch.expm1(lags * torch.log1p(v)) / v if v > 0 else lags  # nothing cancels
    growing = torch.outer(C @ p, p @ B)  # (r, m)
    return torch.cat([D[None], C @ B + s[:, None, None] * growing])
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: one direction doubles
points: 0
hidden: false
success_message: Right so far. Hidden checks on other p decide the score, tiny and large ones too.
"""  # END TEST CONFIG


def test_one_doubles(kernel_identity_plus_rank_one):
    import torch
    from labkit.checks import same

    B, C, D = torch.ones(2, 1), torch.ones(1, 2), torch.zeros(1, 1)
    K = kernel_identity_plus_rank_one(torch.tensor([1.0, 0.0]), B, C, D, 3)
    same(
        K,
        [[[0.0]], [[2.0]], [[3.0]], [[5.0]]],
        rtol=1e-5,
        axes=("lag", "output", "input"),
        show=True,
    )


test_one_doubles(kernel_identity_plus_rank_one)

# %%
""" # BEGIN TEST CONFIG
name: with p = 0 nothing changes
points: 0
hidden: false
success_message: Right so far. Hidden checks on other p decide the score, tiny and large ones too.
"""  # END TEST CONFIG


def test_p_zero(kernel_identity_plus_rank_one):
    import torch
    from labkit.checks import same

    B, C, D = torch.ones(2, 1), torch.ones(1, 2), torch.zeros(1, 1)
    K = kernel_identity_plus_rank_one(torch.zeros(2), B, C, D, 3)
    same(
        K,
        [[[0.0]], [[2.0]], [[2.0]], [[2.0]]],
        rtol=1e-5,
        axes=("lag", "output", "input"),
        show=True,
    )


test_p_zero(kernel_identity_plus_rank_one)

# %%
""" # BEGIN TEST CONFIG
name: an ordinary p and a large one
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_ordinary_and_large_p(kernel_identity_plus_rank_one):
    from solutions.reference import kernel, kernel_cases

    ordinary = ((0.3, (2, 9, 30, 1, 0)), (1.0, (2, 9, 30, 1, 0)))
    large = ((1.0, (100,)), (8.6, (36,)), (1e4, (8,)), (1e12, (2,)))
    for v, L in large + ordinary:
        for case in kernel_cases.rank_ones(squared_norms=(v,), L=L):
            expected = kernel.identity_plus_rank_one(*case.args)
            case.same(kernel_identity_plus_rank_one(*case.args), expected)


test_ordinary_and_large_p(kernel_identity_plus_rank_one)

# %%
""" # BEGIN TEST CONFIG
name: p from zero on
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_small_p(kernel_identity_plus_rank_one):
    from solutions.reference import kernel, kernel_cases

    tiny, small = (0.0, 1e-30, 1e-12, 1e-7), (3e-6, 1e-5, 3e-5, 1e-4, 1e-3)
    for case in kernel_cases.rank_ones(squared_norms=tiny + small, L=(2, 20), apart=True):
        expected = kernel.identity_plus_rank_one(*case.args)
        case.same(kernel_identity_plus_rank_one(*case.args), expected)


test_small_p(kernel_identity_plus_rank_one)

# %%
""" # BEGIN TEST CONFIG
name: all the digits of float64, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_digits_of_float64(kernel_identity_plus_rank_one):
    import torch
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import kernel, kernel_cases

    sizes = (1e-6, 1e-9, 1e-3, 0.3, 5.0)
    for case in kernel_cases.rank_ones(sizes, L=(40,), apart=True, dtype=torch.float64):
        expected = kernel.identity_plus_rank_one(*case.args)
        case.same(kernel_identity_plus_rank_one(*case.args), expected)
        leaves_inputs_alone(kernel_identity_plus_rank_one, *case.args, names="pBCDL")


test_digits_of_float64(kernel_identity_plus_rank_one)

# %%
""" # BEGIN TEST CONFIG
name: the work of a rank-one A grows like n
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_rank_one_work(kernel_identity_plus_rank_one):
    from labkit.costs import grows_at_most, size_from
    from solutions.reference import kernel, kernel_cases

    args, small = {}, size_from(24, 32)
    sizes = (small, 16 * small)
    for n in sizes:
        for case in kernel_cases.rank_ones(squared_norms=(0.3,), L=(16,), n=n):
            args[n] = case.args
            expected = kernel.identity_plus_rank_one(*case.args)
            case.same(kernel_identity_plus_rank_one(*case.args), expected)
    law = {"factor": 40, "quantity": "work", "size": "n"}
    advice = "A itself is never needed, nor p p^T."
    grows_at_most(kernel_identity_plus_rank_one, args.get, sizes, **law, advice=advice)


test_rank_one_work(kernel_identity_plus_rank_one)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See your digits.** B brings the input into one unit, C reads the other, and only p p^T joins the
# two, so s is all there is to see. The last tap is compared with exact fractions, over sixteen
# powers of ten of v. The squares are the closed form, typed in as it stands. (Where v is large
# nothing cancels, and it may even win by a digit: a power is rounded less than the logarithm in an
# exponent.)

# %% tags=["otter_ignore"]
with needs("1f"):
    kernel_plots.accuracy(kernel_identity_plus_rank_one)

# %% [markdown]
# <details><summary>Hint 1: where the digits go</summary>
#
# In float32 the neighbours of 1 are 0.0000001 away. What is 1 + v for v = 0.00000001, and what is left
# after the 1 is subtracted again? How can you compute "a power, minus 1" without ever writing 1 + v?
# </details>
#
# <details><summary>Hint 2: two functions made for this</summary>
#
# (1 + v)^l = exp(l log(1 + v)). `torch.log1p(v)` is log(1 + v), and `torch.expm1(x)` is exp(x) - 1,
# both to the last digit where v and x are tiny.
# </details>
#
# <details><summary>Hint 3: another way</summary>
#
# The sum has no minus sign in it, so whatever adds it up cannot cancel. s_{l+1} = 1 + (1 + v) s_l is
# one way, step by step; s_{2l} = 2 s_l + v s_l^2 doubles, as in 1d. Both hold at v = 0 as well.
# </details>

# %% [markdown]
# ## What you found
#
# All your functions at n = 16, with one input and one output, counted. From L = 128 to 256 the work
# of making a kernel grows 1.6 to 2-fold, and that of applying it fourfold; the spans tell you who
# has to wait. (A power or an exponential counts as one operation, so if you use one, the log L of
# 1e and 1f does not show.) The structure of A is worth more than any rearrangement: compare the
# last two kernels.

# %% tags=["otter_ignore"]
with needs("1a", "1d", "1e", "1f"):
    kernel_costs.findings(
        ssm_kernel,
        kernel_by_doubling,
        kernel_diagonal,
        kernel_identity_plus_rank_one,
        kernel_output,
    )

# %% [markdown]
# ## Beyond
#
# **A sign.** Take A = I - p p^T with ||p||^2 below 2. What becomes of s, and of your code for it? For
# which p does the kernel settle, and where? This is the matrix that reflects, shrinks or erases one
# direction, and it is at the heart of linear attention with a delta rule.
#
# **From one to many.** S4 (Gu, Goel and Ré 2022) uses a diagonal matrix plus one of low rank.
# Neither the trick of 1e nor that of 1f is enough for that; S4 works on the generating function of
# K, the sum of K_l z^l, at roots of unity, where (I - z A)^(-1) takes a Sherman-Morrison formula
# (Problem 4) and an inverse FFT gives K back. Later models dropped the low rank and kept 1e.
#
# **Kernels that change.** If A and B depend on the input, as in Mamba (Gu and Dao 2023), there is no
# kernel any more: the convolution is gone, and the scan of 1c is what remains.
