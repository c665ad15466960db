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
# name: q_ridge_attention
# init_cell: true
# tests:
#   files: false
#   ok_format: false

# %% [markdown]
# # Ridge attention
#
# Problem 4 · 20 points: 15 for code and answers, 5 for words · about four hours
#
# Softmax attention answers a query like a soft nearest neighbour: it looks for keys that resemble the
# query and averages their values. But pairs of keys and values can be read in another way, as training
# data, and the query as a test input. Then the natural answer is a prediction: fit values to keys by
# ridge regression, and apply the fit to the query. That is ridge attention, and a layer of it learns
# from its context, in one forward pass, in closed form.
#
# You will see that a ridge regression is an average in disguise, and that a new pair can be taken in
# without starting over. That makes a causal layer whose memory does not grow with its context. Three
# things tend to surprise: that what moves the memory is only what the memory got *wrong*; that the
# attention weights may be negative; and that two formulas that are equal on paper may differ in their
# first digit in float32.
#
# **The layer.** Keys and values are the rows of K and V, and lam > 0 is the ridge (λ in the
# formulas).
#
# $$W = (\lambda I + K^\top K)^{-1} K^\top V, \qquad o_t = W^\top q_t$$
#
# ```text
# W = (lam I + K^T K)^(-1) K^T V,   and the output at position t is o_t = W^T q_t
# ```
#
# | symbol | shape | what it is |
# |:--|:--|:--|
# | `Q` | (n, d) | the queries: row t is q_t |
# | `K` | (n, d) | the keys: row i is k_i |
# | `V` | (n, dv) | the values: row i is v_i, what key i is to be mapped to |
# | `lam` | a number | the ridge: how strongly W is held near zero |
# | `W` | (d, dv) | the fit: W^T k_i comes near v_i |
# | `O` | (n, dv) | the outputs: row t is o_t = W^T q_t |
#
# Positions count from 1 in formulas and from 0 in code. Batch and head dimensions may stand in front
# of Q, K and V alike, as in (batch, heads, n, d); every head then has a W of its own.

# %%
import torch

from labkit import ridge_costs, ridge_dial, ridge_drift, ridge_plots
from labkit.answers import needs


# %% [raw]
# # BEGIN QUESTION
# name: q4a
# points: 1

# %% [markdown]
# ## 4a · An average that takes in one more
# 1 point · difficulty 1 of 3 · about 10 minutes
#
# You know the average m of n points, and one more point comes in. The n points are gone; you kept m
# and n. What is the average of all n + 1? This is the whole problem in small: a summary that can be
# brought up to date at a cost that does not depend on how much it sums up.
#
# $$m = \frac{1}{n} \sum_{i=1}^{n} x_i, \qquad m' = \frac{1}{n+1} \sum_{i=1}^{n+1} x_i$$
#
# ```text
# m = (x_1 + ... + x_n) / n,   m' = (x_1 + ... + x_{n+1}) / (n + 1):   write m' in m, x_{n+1} and n
# ```
#
# Before the first point n is 0, m is 0, and the new average is that point. Points may be numbers or
# vectors.
#
# **An example.** The average of two points is 2, and a 5 comes in: (2 + 2 + 5) / 3 = 3.

# %% [raw]
# # BEGIN SOLUTION


# %%
def running_mean(m, x_new, n):
    """The average of n + 1 points, from the average of the first n and the new point.

    m and x_new of the same shape (numbers, or tensors of any shape), n >= 0 -> of that shape.

    With m = 2, x_new = 5 and n = 2: 3.
    """
    # BEGIN SOLUTION
    return m + (x_new - m) / (n + 1)  # what is new in x_new, at a rate of 1 / (n + 1)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: two points and a third
points: 0
hidden: false
success_message: Right so far. Hidden checks on other points follow and decide the score.
"""  # END TEST CONFIG


def test_third_point(running_mean):
    from labkit.checks import same

    same(running_mean(2.0, 5.0, 2), 3.0, rtol=1e-6, show=True)


test_third_point(running_mean)

# %%
""" # BEGIN TEST CONFIG
name: numbers, from the first one on
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_running_numbers(running_mean):
    from labkit.checks import generator, same
    import torch

    # rtol: a number is compared after one rounding to float32, 6e-8
    points = 3 + torch.randn(40, generator=generator("numbers"), dtype=torch.float64)
    for n in (0, 1, 2, 7, 39):
        m = float(points[:n].mean()) if n else 0.0
        mean = running_mean(m, float(points[n]), n)
        same(mean, points[: n + 1].mean(), rtol=1e-6, about=f"n = {n}")


test_running_numbers(running_mean)

# %%
""" # BEGIN TEST CONFIG
name: vectors, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_running_vectors(running_mean):
    from labkit.checks import generator, leaves_inputs_alone, same
    import torch

    # rtol: the same for float32, 40 * 6e-8 at most, where entries are near the mean of 3
    points = 3 + torch.randn(40, 5, generator=generator("vectors"))
    for n in (1, 5, 30):
        m = points[:n].mean(0)
        same(running_mean(m, points[n], n), points[: n + 1].mean(0), rtol=1e-5, about=f"n = {n}")
        leaves_inputs_alone(running_mean, m, points[n], n, names=("m", "x_new", "n"))


test_running_vectors(running_mean)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See it settle.** Your function, fed with 60 noisy points one by one; the line is the average of all
# points so far, added up anew each time. A new point moves the average by its distance from it, times
# 1 / (n + 1). Remember that form: *what is new, times a rate that falls*. It comes back in 4f.

# %% tags=["otter_ignore"]
with needs("4a"):
    ridge_plots.averages(running_mean)

# %% [markdown]
# <details><summary>Hint: undo the division</summary>
#
# m times n is the sum of the first n points. What is the sum of n + 1 points, and by what do you divide
# it?
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q4b
# points: 2

# %% [markdown]
# ## 4b · Ridge regression is two sums
# 2 points · difficulty 1 of 3 · about 20 minutes
#
# Take n examples, inputs x_i with d entries and targets y_i, which are numbers. The rows of X are the
# x_i. Ridge regression has the closed form below, and both of its parts are sums over the examples, as
# an average is. A further example adds one term to each; no other term changes. What an average does
# with a division, ridge regression does with an inverse.
#
# $$w = (\lambda I + X^\top X)^{-1} X^\top y, \qquad \lambda I + X^\top X = \lambda I + \sum_{i=1}^{n} x_i x_i^\top, \qquad X^\top y = \sum_{i=1}^{n} x_i y_i$$
#
# ```text
# w = (lam I + X^T X)^(-1) X^T y
# lam I + X^T X = lam I + sum over i = 1, ..., n of x_i x_i^T      (d x d)
# X^T y         =         sum over i = 1, ..., n of x_i y_i        (d)
# ```
#
# The first sum is made of outer products, not of inner ones: each example adds a matrix of rank
# one. For lam > 0 the matrix can always be inverted, even where there are fewer examples than
# entries. Inputs may be float32 or float64; w has their type.
#
# **An example.** X = 1, 2 as a column, y = 10, -0.5 and lam = 4: the sums are 4 + 1 + 4 = 9 and
# 10 - 1 = 9, so w = 1.

# %% [raw]
# # BEGIN SOLUTION


# %%
def ridge_weights(X, y, lam):
    """Ridge regression: the w that minimises ||X w - y||^2 + lam ||w||^2.

    X (n, d), y (n,), lam > 0 -> w (d,), for any n >= 1 and d >= 1.

    With X = [[1], [2]], y = [10, -0.5] and lam = 4: [1].
    """
    # BEGIN SOLUTION
    M = lam * torch.eye(X.shape[1], dtype=X.dtype, device=X.device) + X.T @ X  # (d, d)
    return torch.linalg.solve(M, X.T @ y)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: two examples by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_two_examples(ridge_weights):
    import torch
    from labkit.checks import same

    w = ridge_weights(torch.tensor([[1.0], [2.0]]), torch.tensor([10.0, -0.5]), 4.0)
    same(w, [1.0], rtol=1e-5, axes=("entry",), show=True)


test_two_examples(ridge_weights)

# %%
""" # BEGIN TEST CONFIG
name: the order of examples does not matter
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_any_order(ridge_weights):
    import torch
    from labkit.checks import as_tensor, same

    X = torch.tensor([[1.0, 0.5, 0.0], [0.0, -1.0, 2.0], [0.5, 0.0, 1.0], [1.0, 1.0, 0.0]])
    y = torch.tensor([1.0, -2.0, 0.5, 3.0])
    forwards = as_tensor(ridge_weights(X, y, 0.5))
    same(ridge_weights(X.flip(0), y.flip(0), 0.5), forwards, rtol=1e-5, axes=("entry",), show=True)


test_any_order(ridge_weights)

# %%
""" # BEGIN TEST CONFIG
name: more examples than entries
points: 1
hidden: true
"""  # END TEST CONFIG


def test_many_examples(ridge_weights):
    from solutions.reference import ridge_attention, ridge_attention_cases

    for case in ridge_attention_cases.regressions(n=(9, 40), lam=(0.05, 0.3, 5.0)):
        expected = ridge_attention.weights(*case.args)
        case.same(ridge_weights(*case.args), expected)


test_many_examples(ridge_weights)

# %%
""" # BEGIN TEST CONFIG
name: fewer examples than entries
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_few_examples(ridge_weights):
    from solutions.reference import ridge_attention, ridge_attention_cases

    for case in ridge_attention_cases.regressions(n=(1, 4), lam=(0.03, 0.5), d=8):
        expected = ridge_attention.weights(*case.args)
        case.same(ridge_weights(*case.args), expected)


test_few_examples(ridge_weights)

# %%
""" # BEGIN TEST CONFIG
name: the digits of float64, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_weights_in_float64(ridge_weights):
    import torch
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import ridge_attention, ridge_attention_cases

    double = {"dtype": torch.float64}
    for case in ridge_attention_cases.regressions(n=(20,), lam=(0.3, 0.001, 100.0), **double):
        expected = ridge_attention.weights(*case.args)
        case.same(ridge_weights(*case.args), expected)
        leaves_inputs_alone(ridge_weights, *case.args, names=("X", "y", "lam"))


test_weights_in_float64(ridge_weights)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See it shrink.** The columns of X are orthogonal here, so each entry of w is known for every
# lam: its least-squares value times s^2 / (s^2 + lam), where s is the length of its column. Long
# columns hold out longest. On the left lam hardly matters, and on the right hardly anything else
# does.

# %% tags=["otter_ignore"]
with needs("4b"):
    ridge_plots.shrinkage(ridge_weights)

# %% [markdown]
# <details><summary>Hint 1: what is added up</summary>
#
# `torch.outer(x, x)` is x x^T, a d x d matrix. The product `X.T @ X` adds up all of them at once.
# </details>
#
# <details><summary>Hint 2: no inverse needed</summary>
#
# `torch.linalg.solve(M, b)` is M^(-1) b, and keeps more digits than making the inverse first.
# `torch.eye(d, dtype=X.dtype)` has the type of X, float64 too.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q4c
# points: 3

# %% [markdown]
# ## 4c · Ridge attention, all pairs at once
# 3 points · difficulty 2 of 3 · about 30 minutes
#
# Now the inputs are keys, and the targets are values: vectors with dv entries, so w becomes a matrix W
# (d, dv), one column for each entry of a value. In an encoder every query meets the same pool of n
# pairs. So W is found once, and what a query costs after that does not depend on n.
#
# $$O = Q W, \qquad W = (\lambda I + K^\top K)^{-1} K^\top V$$
#
# ```text
# O = Q W   with   W = (lam I + K^T K)^(-1) K^T V,   so that row t of O is (W^T q_t)^T
# ```
#
# There is no division by sqrt(d) and no softmax: those belong to the other attention. Inputs may be
# float32 or float64; the outputs have their type.
#
# **What it costs.** Let values have d entries too, and n > d. Multiplying a d x d matrix by a vector
# costs d^2; multiplying two such matrices, or inverting one, costs d^3. What does the whole layer cost,
# for n queries and n pairs? `cost_ridge_attention` is one of these (copy the text between the quotes):
#
# ```text
# "O(d^4)"    "O(nd^2)"    "O(n^2d^3)"    "O(n^2d^2)"    "O(n^2)"    "O(1)"
# ```
#
# **An example, by hand.** d = dv = 1, lam = 4, keys 1, 2, values 10, -0.5: W is 1 as in 4b, so queries
# 1, 3 give 1, 3.

# %% [raw]
# # BEGIN SOLUTION


# %%
def ridge_attention(Q, K, V, lam):
    """Ridge attention, not causal: every query meets all pairs.

    Q (n, d), K (n, d), V (n, dv), lam > 0 -> outputs (n, dv). Batch and head dimensions may stand in
    front of all three: (batch, heads, n, d) and so on.

    With Q = [[1], [3]], K = [[1], [2]], V = [[10], [-0.5]] and lam = 4: [[1], [3]].
    """
    # BEGIN SOLUTION
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype, device=K.device) + K.mT @ K  # (.., d, d)
    return Q @ torch.linalg.solve(M, K.mT @ V)
    # END SOLUTION


# %%
cost_ridge_attention = "O(nd^2)"  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: two pairs by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_two_pairs(ridge_attention):
    import torch
    from labkit.checks import same

    Q, K, V = (torch.tensor([[a], [b]]) for a, b in ((1.0, 3.0), (1.0, 2.0), (10.0, -0.5)))
    outputs = ridge_attention(Q, K, V, 4.0)
    same(outputs, [[1.0], [3.0]], rtol=1e-5, axes=("position", "entry"), show=True)


test_two_pairs(ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: twice the values, twice the outputs, and the same for queries
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_twice(ridge_attention):
    import torch
    from labkit.checks import as_tensor, same

    Q, K = torch.arange(12.0).reshape(4, 3) / 6 - 1, torch.eye(3)[[0, 1, 2, 0]] + 0.25
    V = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0], [3.0, 0.5]])
    twice = 2 * as_tensor(ridge_attention(Q, K, V, 0.5))
    same(ridge_attention(Q, K, 2 * V, 0.5), twice, rtol=1e-5, axes=("position", "entry"), show=True)
    same(ridge_attention(2 * Q, K, V, 0.5), twice, rtol=1e-5, axes=("position", "entry"), show=True)


test_twice(ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: a choice from the list
points: 0
hidden: false
success_message: It is on the list. A hidden check says whether it is right.
"""  # END TEST CONFIG


def test_attention_choice(cost_ridge_attention):
    from labkit.checks import choice

    costs = "O(d^4) O(nd^2) O(n^2d^3) O(n^2d^2) O(n^2) O(1)".split()
    choice(cost_ridge_attention, cost_ridge_attention, costs)


test_attention_choice(cost_ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: more pairs than entries
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_many_pairs(ridge_attention):
    from solutions.reference import ridge_attention as oracle, ridge_attention_cases

    for case in ridge_attention_cases.contexts(n=(9, 40), lam=(0.05, 0.3, 5.0), causal=False):
        expected = oracle.attention(*case.args)
        case.same(ridge_attention(*case.args), expected)


test_many_pairs(ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: fewer pairs than entries
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_few_pairs(ridge_attention):
    from solutions.reference import ridge_attention as oracle, ridge_attention_cases

    for case in ridge_attention_cases.contexts(n=(1, 4), lam=(0.03, 0.5), d=8, causal=False):
        expected = oracle.attention(*case.args)
        case.same(ridge_attention(*case.args), expected)


test_few_pairs(ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: batch and head dimensions
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_heads(ridge_attention):
    from solutions.reference import ridge_attention as oracle, ridge_attention_cases

    heads = ridge_attention_cases.HEADS
    for case in ridge_attention_cases.contexts(n=(9,), lam=(0.1, 3.0), lead=heads, causal=False):
        expected = oracle.attention(*case.args)
        case.same(ridge_attention(*case.args), expected)


test_heads(ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: the digits of float64, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_attention_in_float64(ridge_attention):
    import torch
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import ridge_attention as oracle, ridge_attention_cases

    double = {"causal": False, "dtype": torch.float64}
    for case in ridge_attention_cases.contexts(n=(20,), lam=(0.3, 0.001, 100.0), **double):
        expected = oracle.attention(*case.args)
        case.same(ridge_attention(*case.args), expected)
        leaves_inputs_alone(ridge_attention, *case.args, names=("Q", "K", "V", "lam"))


test_attention_in_float64(ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: the cost of the layer
points: 1
hidden: true
"""  # END TEST CONFIG


def test_attention_cost(cost_ridge_attention):
    from labkit.checks import choice

    costs = "O(d^4) O(nd^2) O(n^2d^3) O(n^2d^2) O(n^2) O(1)".split()
    choice(cost_ridge_attention, "O(nd^2)", costs)


test_attention_cost(cost_ridge_attention)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See it predict.** Points on a line, with noise; the key of a point at x is (x, 1), so W is a
# slope and an offset. Your layer draws lines: nearly the best fit for small lam, and nearly flat
# for large lam, and they go on where there is no data. Softmax attention, on the same keys and
# values (and with its queries multiplied by 8, to sharpen it), averages what it has seen, and
# cannot leave the range of the values.

# %% tags=["otter_ignore"]
with needs("4c"):
    ridge_plots.lines(ridge_attention)

# %% [markdown]
# **And if n < d?** Then inverting a d x d matrix, d^3, is more than n d^2. There are two ways round it.
# One is the n x n matrix of 4g, which gives the same outputs for n^2 d. The other is to start from
# (lam I)^(-1) = I / lam, which costs nothing, and to take in the n pairs one by one at d^2 each, as 4e
# shows. Either way the layer costs no more than n d^2 again.

# %% [markdown]
# <details><summary>Hint 1: rows and columns</summary>
#
# The formula W^T q is for a column q. Queries are rows here, so all of them together are Q W.
# </details>
#
# <details><summary>Hint 2: dimensions in front</summary>
#
# `K.T` reverses the order of all dimensions; `K.mT` swaps the last two and leaves those in front.
# `@`, `torch.linalg.solve` and `torch.linalg.inv` treat each head by itself. The size d is
# `K.shape[-1]`.
# </details>
#
# <details><summary>Hint 3: counting the cost</summary>
#
# Write down the cost of each product in the formula: K^T K, the inverse, K^T V, and what is left. Which
# of them is the largest if n > d?
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q4d
# points: 1

# %% [markdown]
# ## 4d · Where gradients pass
# 1 point · difficulty 1 of 3 · about 10 minutes
#
# Put the layer into a transformer, with a loss behind it. Training needs the slope of that loss
# with respect to whatever is to be learned, or was made by a layer below. To which of the four does
# backpropagation pass a gradient through ridge attention?
#
# ```text
# "lam"    "keys"    "values"    "queries"
# ```
#
# `gradient_inputs` is a list of those names: one, several, all or none of them (in which case it is
# empty). Think first, then let autograd tell you below.

# %% [raw]
# # BEGIN SOLUTION

# %%
gradient_inputs = ["lam", "keys", "values", "queries"]  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: names from the list
points: 0
hidden: false
success_message: All names are on the list. A hidden check says whether they are the right ones.
"""  # END TEST CONFIG


def test_gradient_names(gradient_inputs):
    from labkit.checks import choices

    choices(gradient_inputs, gradient_inputs, ("lam", "keys", "values", "queries"))


test_gradient_names(gradient_inputs)

# %%
""" # BEGIN TEST CONFIG
name: the inputs that gradients reach
points: 1
hidden: true
"""  # END TEST CONFIG


def test_gradient_inputs(gradient_inputs):
    from labkit.checks import choices

    names = ("lam", "keys", "values", "queries")
    choices(gradient_inputs, names, names)


test_gradient_inputs(gradient_inputs)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **Let autograd tell.** The slope of a loss, half the sum of the squares of your layer's outputs, with
# respect to each of the four, for a weak, a middle and a strong ridge. A bar of height zero would be an input that no gradient
# reaches.

# %% tags=["otter_ignore"]
with needs("4c"):
    ridge_plots.slopes(ridge_attention)

# %% [markdown]
# <details><summary>Hint: which steps are there?</summary>
#
# Sums, products, and the inverse of a matrix that has one, since lam > 0. Which of these could stop a
# gradient? Which of the four is in none of them?
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q4e
# points: 2

# %% [markdown]
# ## 4e · One more term in an inverse
# 2 points · difficulty 1 of 3 · about 20 minutes
#
# You know M^(-1), and M gains a rank-one term. What is the new inverse? Sherman and Morrison's
# formula gives it without inverting anything, by correcting the old one. It is to inverses what 4a
# is to averages.
#
# $$(M + u v^\top)^{-1} = M^{-1} - \frac{(M^{-1} u)(v^\top M^{-1})}{1 + v^\top M^{-1} u}$$
#
# ```text
# (M + u v^T)^(-1) = M^(-1) - (M^(-1) u) (v^T M^(-1)) / (1 + v^T M^(-1) u)
# ```
#
# Mind the brackets: a matrix times a vector costs d^2, and so does the outer product of two
# vectors, but a matrix times a matrix costs d^3. Which of them you need depends on the order in
# which you multiply. Half a point is for that: **no product of two d x d matrices, and no
# inverse.** It is counted in torch's operations, not timed.
#
# **What it costs.** M^(-1) is in hand. An inner product costs d. What does one application cost?
# `cost_sherman_morrison` is one of these:
#
# ```text
# "O(d^4)"    "O(d^3)"    "O(d^2)"    "O(d)"    "O(1)"
# ```
#
# **An example.** M^(-1) = diag(0.5, 1), u = (1, 1), v = (2, 0). Then M + u v^T = [[4, 0], [2, 1]], and
# its inverse is [[0.25, 0], [-0.5, 1]].

# %% [raw]
# # BEGIN SOLUTION


# %%
def sherman_morrison(M_inv, u, v):
    """The inverse of M + u v^T, from the inverse of M, with about d^2 operations.

    M_inv (d, d), not always symmetric, u (d,), v (d,) -> (d, d).

    With M_inv = [[0.5, 0], [0, 1]], u = [1, 1] and v = [2, 0]: [[0.25, 0], [-0.5, 1]].
    """
    # BEGIN SOLUTION
    left, right = M_inv @ u, v @ M_inv  # (d,), (d,)
    return M_inv - torch.outer(left / (1 + v @ left), right)
    # END SOLUTION


# %%
cost_sherman_morrison = "O(d^2)"  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: a 2 x 2 inverse by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes, and on the work, decide the score.
"""  # END TEST CONFIG


def test_small_inverse(sherman_morrison):
    import torch
    from labkit.checks import same

    M_inv, u, v = torch.diag(torch.tensor([0.5, 1.0])), torch.ones(2), torch.tensor([2.0, 0.0])
    updated = sherman_morrison(M_inv, u, v)
    same(updated, [[0.25, 0.0], [-0.5, 1.0]], rtol=1e-5, axes=("row", "column"), show=True)


test_small_inverse(sherman_morrison)

# %%
""" # BEGIN TEST CONFIG
name: added and taken away again
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes, and on the work, decide the score.
"""  # END TEST CONFIG


def test_there_and_back(sherman_morrison):
    import torch
    from labkit.checks import of_shape, same

    M_inv = torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, -0.5], [0.25, 0.0, 1.0]])
    u, v = torch.tensor([1.0, 0.5, 0.0]), torch.tensor([0.5, 0.0, 1.0])
    axes = ("row", "column")
    there = of_shape(sherman_morrison(M_inv, u, v), 3, 3, axes=axes).float()
    same(sherman_morrison(there, -u, v), M_inv, rtol=1e-5, axes=axes, show=True)


test_there_and_back(sherman_morrison)

# %%
""" # BEGIN TEST CONFIG
name: another choice from a list
points: 0
hidden: false
success_message: It is on the list. A hidden check says whether it is right.
"""  # END TEST CONFIG


def test_update_choice(cost_sherman_morrison):
    from labkit.checks import choice

    costs = "O(d^4) O(d^3) O(d^2) O(d) O(1)".split()
    choice(cost_sherman_morrison, cost_sherman_morrison, costs)


test_update_choice(cost_sherman_morrison)

# %%
""" # BEGIN TEST CONFIG
name: the updated inverse, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_updates(sherman_morrison):
    import torch
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import ridge_attention, ridge_attention_cases

    for dtype in (torch.float32, torch.float64):
        for case in ridge_attention_cases.updates(d=(2, 5, 12), dtype=dtype):
            expected = ridge_attention.updated_inverse(*case.args)
            case.same(sherman_morrison(*case.args), expected)
            leaves_inputs_alone(sherman_morrison, *case.args, names=("M_inv", "u", "v"))


test_updates(sherman_morrison)

# %%
""" # BEGIN TEST CONFIG
name: the work of an update grows like d^2
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_update_work(sherman_morrison):
    from labkit.costs import grows_at_most, size_from
    from solutions.reference import ridge_attention, ridge_attention_cases

    args, small = {}, size_from(12, 16)
    sizes = (small, 8 * small)
    for size, case in zip(sizes, ridge_attention_cases.updates(d=sizes), strict=True):
        args[size] = case.args
        expected = ridge_attention.updated_inverse(*case.args)
        case.same(sherman_morrison(*case.args), expected)
    advice = "Is there a product of two d x d matrices, or an inverse? Multiply by vectors first."
    law = {"factor": 120, "quantity": "work", "size": "d"}
    grows_at_most(sherman_morrison, args.get, sizes, **law, advice=advice)


test_update_work(sherman_morrison)

# %%
""" # BEGIN TEST CONFIG
name: the cost of an update
points: 1
hidden: true
"""  # END TEST CONFIG


def test_update_cost(cost_sherman_morrison):
    from labkit.checks import choice

    costs = "O(d^4) O(d^3) O(d^2) O(d) O(1)".split()
    choice(cost_sherman_morrison, "O(d^2)", costs)


test_update_cost(cost_sherman_morrison)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See the work.** All operations of one update against d: yours, and those of inverting anew. Both
# lines are counted, not timed. On these axes a power of d is a straight line, and the power is its
# slope.

# %% tags=["otter_ignore"]
with needs("4e"):
    ridge_costs.updates(sherman_morrison)

# %% [markdown]
# <details><summary>Hint 1: two vectors and a number</summary>
#
# Compute M^(-1) u and v^T M^(-1) first. How do you get the denominator from one of them?
# </details>
#
# <details><summary>Hint 2: which side is which</summary>
#
# M^(-1) need not be symmetric: `M_inv @ v` is M^(-1) v, and `v @ M_inv` is v^T M^(-1). The outer product
# has the one with u as its columns and the one with v as its rows.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q4f
# points: 4

# %% [markdown]
# ## 4f · Causal ridge attention
# 4 points · difficulty 3 of 3 · about 60 minutes
#
# In a decoder the query at t meets only the pairs up to t, its own included. Taken from scratch at every
# position, that is a new regression each time. But from t - 1 to t only one pair is added, and 4b says
# what that does to the two sums, 4e what it does to the inverse. So carry along what you need, and pay
# the same for every position. Softmax attention cannot do this: its position t costs t.
#
# $$o_t = W_t^\top q_t, \qquad W_t = M_t^{-1} J_t, \qquad M_t = \lambda I + \sum_{i \le t} k_i k_i^\top, \qquad J_t = \sum_{i \le t} k_i v_i^\top$$
#
# ```text
# o_t = W_t^T q_t,   W_t = M_t^(-1) J_t
# M_t = lam I + sum over i = 1, ..., t of k_i k_i^T   (d x d),   M_0 = lam I
# J_t =         sum over i = 1, ..., t of k_i v_i^T   (d x dv),  J_0 = 0
# ```
#
# There are several roads, and each earns full credit:
#
# - carry M_t^(-1) and J_t, and read the output off both;
# - carry W_t too, and bring it up to date by a formula of its own: multiply out what 4e makes of
#   M_t^(-1) J_t. Or find the shorter one in which W_t is W_{t-1} plus a column times a row: the column
#   says where W is to change, the row what the new value has that W did not expect. (4a has this form.)
#
# **Two things that matter.** *The order of multiplication*: q^T M_t^(-1) J_t can be computed in two
# orders, with the same result, and at very different cost. *Gradients*: a layer is trained, so backpropagation has to pass
# through Q, K, V and lam. Do not write into tensors that were used already, and keep to torch
# (no `.item()`, no `float(...)`, no NumPy): lam may be a tensor.
#
# **What is checked.** Values at any length, lam from 0.001 to 100, repeated keys, batch and head
# dimensions, float32 and float64. Gradients are worth half a point. One point is for the work,
# counted in torch's operations: when d = dv grows eightfold, it may grow about 150-fold (64-fold
# would be d^2, 512-fold d^3); when n doubles, threefold (2-fold would be n, 4-fold n^2).
#
# **An example, by hand.** d = dv = 1, lam = 4, keys 1, 2, values 10, -0.5 and queries 1, 3:
#
# ```text
# M = 5, 9     J = 10, 9     W = 2, 1     o = 2 * 1, 1 * 3 = 2, 3
# ```

# %% [raw]
# # BEGIN SOLUTION


# %%
def causal_ridge_attention(Q, K, V, lam):
    """Causal ridge attention: the query at t meets the pairs up to t, with about n d^2 operations.

    Q (n, d), K (n, d), V (n, dv), lam > 0 (a number, or a tensor of no dimensions) -> outputs
    (n, dv). Batch and head dimensions may stand in front of all three. Gradients pass through all.

    With Q = [[1], [3]], K = [[1], [2]], V = [[10], [-0.5]] and lam = 4: [[2], [3]].
    """
    # BEGIN SOLUTION
    P = torch.eye(K.shape[-1], dtype=K.dtype, device=K.device) / lam  # M_0^{-1}, (d, d)
    W = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])  # (.., d, dv)
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):  # (.., 1, d)
        Pk = P @ k.mT  # (.., d, 1)
        gain = Pk / (1 + k @ Pk)  # M_t^{-1} k_t
        P = P - gain @ Pk.mT
        W = W + gain @ (v - k @ W)  # where to change, times the surprise
        outputs.append(q @ W)
    return torch.cat(outputs, -2)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: two positions by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes, gradients and work decide the score.
"""  # END TEST CONFIG


def test_two_positions(causal_ridge_attention):
    import torch
    from labkit.checks import same

    Q, K, V = (torch.tensor([[a], [b]]) for a, b in ((1.0, 3.0), (1.0, 2.0), (10.0, -0.5)))
    outputs = causal_ridge_attention(Q, K, V, 4.0)
    same(outputs, [[2.0], [3.0]], rtol=1e-5, axes=("position", "entry"), show=True)


test_two_positions(causal_ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: the future does not matter
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes, gradients and work decide the score.
"""  # END TEST CONFIG


def test_future(causal_ridge_attention):
    import torch
    from labkit.checks import of_shape, same

    Q, K = torch.arange(15.0).reshape(5, 3) / 6 - 1, torch.eye(3)[[0, 1, 2, 0, 1]] + 0.25
    V = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0], [3.0, 0.5], [1.0, 1.0]])
    before = of_shape(causal_ridge_attention(Q, K, V, 0.5), 5, 2)
    changed = [torch.cat([a[:3], a[3:].flip(1) - 1]) for a in (K, V)]
    after = of_shape(causal_ridge_attention(Q, *changed, 0.5), 5, 2)
    same(after[:3], before[:3], rtol=1e-5, axes=("position", "entry"), show=True)


test_future(causal_ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: the last position sees all pairs
points: 0
hidden: false
success_message: Both functions agree there. Hidden checks decide the score.
"""  # END TEST CONFIG


def test_last_position(causal_ridge_attention, ridge_attention):
    import torch
    from labkit.checks import agree, of_shape

    Q, K = torch.arange(15.0).reshape(5, 3) / 6 - 1, torch.eye(3)[[0, 1, 2, 0, 1]] + 0.25
    V = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0], [3.0, 0.5], [1.0, 1.0]])
    last = of_shape(ridge_attention(Q, K, V, 0.5), 5, 2, about="ridge_attention")[-1]
    outputs = of_shape(causal_ridge_attention(Q, K, V, 0.5), 5, 2)
    agree(outputs[-1], last, ("the last position", "ridge_attention"), rtol=1e-5, axes=("entry",))


test_last_position(causal_ridge_attention, ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: every position, at any length
points: 1
hidden: true
"""  # END TEST CONFIG


def test_any_length(causal_ridge_attention):
    from solutions.reference import ridge_attention, ridge_attention_cases

    for case in ridge_attention_cases.contexts(n=(1, 5, 30), lam=(0.05, 0.3, 4.0), causal=True):
        expected = ridge_attention.causal(*case.args)
        case.same(causal_ridge_attention(*case.args), expected)


test_any_length(causal_ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: lam from 0.001 to 100, and repeated keys
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_lam_and_repeats(causal_ridge_attention):
    from solutions.reference import ridge_attention, ridge_attention_cases

    kinds = (
        {"n": (12, 24), "lam": (0.001, 0.01), "norm": 0.5},
        {"n": (24,), "lam": (20.0, 100.0), "norm": 4.0},
        {"n": (24,), "lam": (0.05, 0.5), "distinct": 3},
    )
    for kind in kinds:
        for case in ridge_attention_cases.contexts(**kind, causal=True):
            expected = ridge_attention.causal(*case.args)
            case.same(causal_ridge_attention(*case.args), expected)


test_lam_and_repeats(causal_ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: batch and head dimensions
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_causal_heads(causal_ridge_attention):
    from solutions.reference import ridge_attention, ridge_attention_cases

    heads = ridge_attention_cases.HEADS
    for case in ridge_attention_cases.contexts(n=(9,), lam=(0.1, 3.0), lead=heads, causal=True):
        expected = ridge_attention.causal(*case.args)
        case.same(causal_ridge_attention(*case.args), expected)


test_causal_heads(causal_ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: the digits of float64, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_causal_in_float64(causal_ridge_attention):
    import torch
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import ridge_attention, ridge_attention_cases

    double = {"causal": True, "dtype": torch.float64}
    for case in ridge_attention_cases.contexts(n=(4, 20), lam=(0.01, 0.3, 100.0), **double):
        expected = ridge_attention.causal(*case.args)
        case.same(causal_ridge_attention(*case.args), expected)
        leaves_inputs_alone(causal_ridge_attention, *case.args, names=("Q", "K", "V", "lam"))


test_causal_in_float64(causal_ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: gradients for Q, K, V and lam
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_causal_gradients(causal_ridge_attention):
    from labkit.checks import gradients
    from solutions.reference import ridge_attention, ridge_attention_cases

    every = (0, 1, 2, 3)
    for case, cotangent, named in ridge_attention_cases.pulls(n=(6, 14), lam=(0.5, 2.0)):
        expected = ridge_attention.causal(*case.args)
        case.same(causal_ridge_attention(*case.args), expected)
        slopes = gradients(ridge_attention.causal, case.args, every, cotangent)
        theirs = gradients(causal_ridge_attention, case.args, every, cotangent)
        for gradient, slope, known in zip(named, theirs, slopes, strict=True):
            gradient.same(slope, known)


test_causal_gradients(causal_ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: the work grows like n d^2
points: 1
hidden: true
"""  # END TEST CONFIG


def test_causal_work(causal_ridge_attention):
    from labkit.costs import grows_at_most, size_from
    from solutions.reference import ridge_attention, ridge_attention_cases

    n, d = size_from(50, 56), size_from(8, 10)
    for size, sizes, factor, cases in ridge_attention_cases.grown(n=(n, 2 * n), d=(d, 8 * d)):
        for case in cases.values():
            expected = ridge_attention.causal(*case.args)
            case.same(causal_ridge_attention(*case.args), expected)
        args = {one: case.args for one, case in cases.items()}
        law = {"factor": factor, "quantity": "work", "size": size}
        law |= {"advice": ridge_attention_cases.ADVICE}
        grows_at_most(causal_ridge_attention, args.get, sizes, **law)


test_causal_work(causal_ridge_attention)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See what moves it.** Your layer, with keys that come more than once: A with one value, three
# times; B; A again, and again; then A with another value; and at the end C, halfway between A and
# B, with just the value that the fit predicts. All keys have length 1. On the left, for each pair,
# the surprise |v_t - W_{t-1}^T k_t| and how far W moved, as your function has it. On the right is
# the ratio of the two: how far W moves for each unit of surprise. A key that was never met moves it
# by nearly 1, a key met r times before by 1 / (lam + r + 1).
#
# So **the surprise decides the update, and a repeated key teaches nothing new**, unless its value
# has changed; and even then the layer moves only a little, because it has seen that key often. With
# a single key and small lam this *is* the running mean of 4a, with its rate 1 / (n + 1). The method
# is known as recursive least squares (Plackett 1950); M_t^(-1) k_t is the gain of a Kalman filter
# whose state does not move.

# %% tags=["otter_ignore"]
with needs("4f"):
    ridge_plots.surprise(causal_ridge_attention)

# %% [markdown]
# **See what depends on what.** How strongly output t changes with key j, found by autograd through your
# function. Above the diagonal, where j > t, there must be nothing at all: white is an exact zero. Your
# own key is on the diagonal, and it counts.

# %% tags=["otter_ignore"]
with needs("4f"):
    ridge_plots.causality(causal_ridge_attention)

# %% [markdown]
# **See the work.** Yours against the length n and against d, beside causal softmax attention, and beside
# your `ridge_attention` from scratch at each position. A state of fixed size has its price as well:
# softmax attention is the cheaper one until n is four to five times d; from there on the recurrence is.

# %% tags=["otter_ignore"]
with needs("4c", "4f"):
    ridge_costs.causal(causal_ridge_attention, ridge_attention)

# %% [markdown]
# <details><summary>Hint 1: what to carry</summary>
#
# J_t is easy: one outer product a step. M_t itself is not needed anywhere, only its inverse. What is the
# inverse before the first pair?
# </details>
#
# <details><summary>Hint 2: the update, for rows</summary>
#
# With P for M_{t-1}^(-1), which is symmetric, and u = v = k in 4e: P k is one vector, and k^T P is the
# same one. First bring P and J up to date with pair t, then answer query t.
# </details>
#
# <details><summary>Hint 3: dimensions in front</summary>
#
# Keep a row as a matrix with one row: `k = K[..., t : t + 1, :]` has shape (.., 1, d). Then `k @ P`
# is a row, `P @ k.mT` a column, `k.mT @ v` the outer product, `k @ P @ k.mT` a 1 x 1 matrix, all
# for every head at once. P begins as (d, d) and gets those in front by broadcasting.
# </details>
#
# <details><summary>Hint 4: gradients</summary>
#
# `P = P - ...` makes a new tensor, where `P -= ...` writes over one that the backward pass still needs.
# Collect the outputs in a list, and join them with `torch.cat(outputs, -2)`.
# </details>
#
# <details><summary>Hint 5: W by itself</summary>
#
# M_t W_t = J_t and M_{t-1} W_{t-1} = J_{t-1}. Subtract, with M_t = M_{t-1} + k k^T: what is
# M_t (W_t - W_{t-1})? And M_t^(-1) k_t is a vector that 4e gives you: P k / (1 + k^T P k).
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q4f_1
# manual: true
# points: 3

# %% [markdown]
# ## 4f Q1 · Your recursion
# 3 points · difficulty 2 of 3 · about 30 minutes
#
# Describe how you compute causal ridge attention, so that somebody else could write it: what is carried
# from position to position and what it is at the start, the update at position t in order, and how the
# output is read off. Say what each product costs, what all n positions cost, and which order of
# multiplication makes the difference. How much has to be kept, compared with softmax attention?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# **Carried**: P_t = M_t^(-1), starting at I / lam, and J_t, starting at 0 (the easier road), or W_t in
# place of J_t. Both have a size that does not depend on t: d^2 + d dv numbers. Softmax attention keeps
# all keys and values, t (d + dv) numbers at position t.
#
# **Position t**: P_t = P_{t-1} - (P_{t-1} k_t)(k_t^T P_{t-1}) / (1 + k_t^T P_{t-1} k_t), by Sherman and
# Morrison: one product of a matrix and a vector, an inner product, an outer product and a subtraction,
# d^2 each. J_t = J_{t-1} + k_t v_t^T: d dv. Then the output with the pair of t taken in:
# o_t = J_t^T (P_t q_t), a product of a matrix and a vector twice. With dv = d that is d^2 a position,
# n d^2 in all, and n times d^2 also where n < d.
#
# **The order**: (q^T P) J is d^2, q^T (P J) is d^3, as it multiplies two matrices. That would make
# n d^3, and it is the most frequent slip here (a language model makes it too).
#
# **With W**: subtracting M_{t-1} W_{t-1} = J_{t-1} from M_t W_t = J_t leaves
# M_t (W_t - W_{t-1}) = k_t (v_t - W_{t-1}^T k_t)^T. So W_t = W_{t-1} + g_t (v_t - W_{t-1}^T k_t)^T with the
# gain g_t = M_t^(-1) k_t = P_{t-1} k_t / (1 + k_t^T P_{t-1} k_t): d^2 too. The official (19) is the same
# update, written as W_{t-1} - U_t J_{t-1} + (P k) v^T - (U_t k) v^T with U_t a dyad, which must be kept as
# two vectors for d^2. It is right, and in floating point among the less accurate forms: at first its
# terms are as large as |k| |v| / lam and cancel, and what was rounded away stays in W for good. In the
# gain form an error in W raises the surprise, and is corrected by later pairs.
#
# **Rubric.** 1 for what is carried with its start (I / lam, 0) and both updates, in any of the forms.
# 1 for reading off the output with the pair of t included, in an order that costs d^2 (0.5 if the order
# is left open). 1 for the costs: d^2 a position with the reason, n d^2 in all, and a memory that does
# not grow with t (0.5 without the last).

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q4g
# points: 2

# %% [markdown]
# ## 4g · The attention weights
# 2 points · difficulty 2 of 3 · about 25 minutes
#
# People like to look at attention weights: how much of each value there is in an output. Softmax
# attention makes them first and multiplies the values by them. In ridge attention they seem to be gone,
# swallowed by W. They are not: the output is a combination of the values here as well, with weights that
# do not depend on the values at all. Find them: `ridge_attention_weights` returns the n numbers a_i with
# which the output for q is the sum of a_i v_i.
#
# $$W^\top q = \sum_{i=1}^{n} a_i v_i, \qquad a_i = \langle q, (\lambda I + K^\top K)^{-1} k_i \rangle$$
#
# ```text
# W^T q = sum over i of a_i v_i   with   a_i = <q, (lam I + K^T K)^(-1) k_i>
# ```
#
# So a_i compares the query with a key that has been adjusted to its context. The same numbers come out
# of a matrix n x n, in which only the keys meet one another (the dual form, or kernel ridge regression):
#
# $$a = K (\lambda I_d + K^\top K)^{-1} q = (\lambda I_n + K K^\top)^{-1} K q$$
#
# ```text
# a = K (lam I_d + K^T K)^(-1) q = (lam I_n + K K^T)^(-1) K q
# ```
#
# Either is right; which is cheaper depends on n and d. K q holds the inner products that softmax
# attention begins with. What surprises people is how little they resemble probabilities: they may
# be negative, and they need not add up to one. Inputs may be float32 or float64; the weights have
# their type.
#
# **An example.** Keys 1, 2, lam = 4 and q = 3: the matrix is 9, and the weights are 3 * 1 / 9 and
# 3 * 2 / 9. With values 10, -0.5 they give 10 / 3 - 1 / 3 = 3, as in 4c.

# %% [raw]
# # BEGIN SOLUTION


# %%
def ridge_attention_weights(q, K, lam):
    """The weight of each value in the output for one query.

    q (d,), K (n, d), lam > 0 -> a (n,), of either sign.

    With q = [3], K = [[1], [2]] and lam = 4: [1/3, 2/3].
    """
    # BEGIN SOLUTION
    M = lam * torch.eye(K.shape[1], dtype=K.dtype, device=K.device) + K.T @ K
    return K @ torch.linalg.solve(M, q)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: two weights by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_two_weights(ridge_attention_weights):
    import torch
    from labkit.checks import same

    a = ridge_attention_weights(torch.tensor([3.0]), torch.tensor([[1.0], [2.0]]), 4.0)
    same(a, [1 / 3, 2 / 3], rtol=1e-5, axes=("pair",), show=True)


test_two_weights(ridge_attention_weights)

# %%
""" # BEGIN TEST CONFIG
name: the values, weighted, are the output
points: 0
hidden: false
success_message: Both functions agree there. Hidden checks decide the score.
"""  # END TEST CONFIG


def test_weighted_values(ridge_attention_weights, ridge_attention):
    import torch
    from labkit.checks import agree, of_shape

    q, K = torch.tensor([1.0, -0.5, 2.0]), torch.eye(3)[[0, 1, 2, 0, 1]] + 0.25
    V = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0], [3.0, 0.5], [1.0, 1.0]])
    output = of_shape(ridge_attention(q[None], K, V, 0.5), 1, 2, about="ridge_attention")[0]
    a = of_shape(ridge_attention_weights(q, K, 0.5), 5)
    agree(a @ V.double(), output, ("a V", "ridge_attention"), rtol=1e-5, axes=("entry",))


test_weighted_values(ridge_attention_weights, ridge_attention)

# %%
""" # BEGIN TEST CONFIG
name: more pairs than entries
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_many_weights(ridge_attention_weights):
    from solutions.reference import ridge_attention, ridge_attention_cases

    for case in ridge_attention_cases.lookups(n=(9, 24), lam=(0.3, 1.5, 5.0)):
        expected = ridge_attention.attention_weights(*case.args)
        case.same(ridge_attention_weights(*case.args), expected)


test_many_weights(ridge_attention_weights)

# %%
""" # BEGIN TEST CONFIG
name: fewer pairs than entries
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_few_weights(ridge_attention_weights):
    from solutions.reference import ridge_attention, ridge_attention_cases

    for case in ridge_attention_cases.lookups(n=(1, 4), lam=(0.03, 0.5), d=8):
        expected = ridge_attention.attention_weights(*case.args)
        case.same(ridge_attention_weights(*case.args), expected)


test_few_weights(ridge_attention_weights)

# %%
""" # BEGIN TEST CONFIG
name: lam from 0.001 to 100
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_weights_and_lam(ridge_attention_weights):
    import torch
    from solutions.reference import ridge_attention, ridge_attention_cases

    small = {"lam": (2.0**-10, 2.0**-7), "dtype": torch.float64}
    for kind in (small, {"lam": (20.0, 100.0), "norm": 4.0}):
        for case in ridge_attention_cases.lookups(n=(6, 24), **kind):
            expected = ridge_attention.attention_weights(*case.args)
            case.same(ridge_attention_weights(*case.args), expected)


test_weights_and_lam(ridge_attention_weights)

# %%
""" # BEGIN TEST CONFIG
name: the digits of float64, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_attention_weights_in_float64(ridge_attention_weights):
    import torch
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import ridge_attention, ridge_attention_cases

    double = {"dtype": torch.float64}
    for case in ridge_attention_cases.lookups(n=(5, 20), lam=(0.01, 0.3, 100.0), **double):
        expected = ridge_attention.attention_weights(*case.args)
        case.same(ridge_attention_weights(*case.args), expected)
        leaves_inputs_alone(ridge_attention_weights, *case.args, names=("q", "K", "lam"))


test_attention_weights_in_float64(ridge_attention_weights)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See them beside softmax attention's.** 32 positions on a circle; key and query of a position are the
# same eight sines and cosines, so near positions have similar keys. A row holds the weights of one
# query. Both put the most weight near themselves. But ridge attention subtracts what lies beside it, and
# its rows do not add up to one: here, where the keys have no constant part, they even add up to zero.

# %% tags=["otter_ignore"]
with needs("4g"):
    ridge_dial.heat(ridge_attention_weights)

# %% [markdown]
# **A dial for lam.** On the left, how far your weights are from two limits. As lam goes to
# infinity, lam I is all there is to invert, and the weights become <q, k_i> / lam: **linear
# attention**, with the softmax left out. As lam goes to zero they become those of **least
# squares**: the shortest of all weights that reproduce the query best. In between lies everything
# that ridge attention can be. On the right, one query's weights at three places of the dial.
#
# Below the figure there is a slider, where the notebook is running: move it.

# %% tags=["otter_ignore"]
with needs("4g"):
    ridge_dial.limits(ridge_attention_weights)
    ridge_dial.dial(ridge_attention_weights)

# %% [markdown]
# <details><summary>Hint 1: where the values are</summary>
#
# In W = (lam I + K^T K)^(-1) K^T V the values are at the right end. Transpose W^T q and set V
# aside: what is left is a row of n numbers.
# </details>
#
# <details><summary>Hint 2: one solve</summary>
#
# The matrix is symmetric, so <q, M^(-1) k_i> = <M^(-1) q, k_i>. Solve for M^(-1) q once, and take
# its inner product with every key.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q4g_1
# manual: true
# points: 2

# %% [markdown]
# ## 4g Q1 · What the weights tell
# 2 points · difficulty 2 of 3 · about 20 minutes
#
# Derive the weights: start from W^T q and show that the output is a combination of the values with
# the a_i above, and that the primal and the dual form are the same. Then say what they tell you:
# what does a negative weight mean, why do they not add up to one, and what becomes of them when the
# same key is in the context twice?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# **Weights.** W^T q = ((lam I + K^T K)^(-1) K^T V)^T q = V^T K (lam I + K^T K)^(-1) q, as the inverse is
# symmetric. V^T times a column a is the sum of a_i v_i. So a = K (lam I + K^T K)^(-1) q, and its entry i
# is k_i^T (lam I + K^T K)^(-1) q = <q, (lam I + K^T K)^(-1) k_i>.
#
# **Dual.** (lam I_n + K K^T) K = lam K + K K^T K = K (lam I_d + K^T K). Multiply by the inverse of the
# first matrix from the left and by that of the second from the right:
# K (lam I_d + K^T K)^(-1) = (lam I_n + K K^T)^(-1) K. For lam > 0 both exist.
#
# **Meaning.** The layer does not average, it extrapolates from a fit: to reproduce a query that lies to
# one side of the keys, some of them are subtracted. A negative weight says that raising v_i would lower
# the prediction at q. Nothing normalises the weights: they are linear in q, so twice the query gives twice
# the weights, and they all go to zero like <q, k_i> / lam as lam grows. A key that stands there twice
# shares its weight between both: the keys' products with one another, K K^T, discount what is told
# twice, where softmax would count it twice.
#
# **Rubric.** 0.5 for V^T K (lam I + K^T K)^(-1) q with V^T a read as a combination. 0.5 for the identity
# of primal and dual, shown. 0.5 for negative weights, and 0.5 for the missing sum of one or for the
# discount on repeated keys, each with a reason.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [markdown]
# ## What you found
#
# All your functions, counted: once with n = 64 pairs and d = dv = 8, once with n doubled, once with d
# doubled. Where the last column is 4, the work grows like d^2; where it is 8, something multiplies or
# inverts whole matrices. (Where lower powers are not yet small, it lies between.)

# %% tags=["otter_ignore"]
with needs("4b", "4c", "4e", "4f", "4g"):
    ridge_costs.findings(
        ridge_weights,
        ridge_attention,
        sherman_morrison,
        causal_ridge_attention,
        ridge_attention_weights,
    )

# %% [markdown]
# ## Beyond

# %% [raw]
# # BEGIN QUESTION
# name: q4_chunked
# manual: true
# points: 0

# %% [markdown]
# ## Challenge · In chunks
# No points · difficulty 3 of 3 · about an hour
#
# The recursion has the right work and the wrong shape: n small steps in a row, where machines like large
# products. Delta-rule layers are trained in chunks for that reason, and ridge attention can be chunked
# *exactly*. Let P and W be those before a chunk, and let K, V, Q now be the C rows of the chunk. The
# Cholesky factor of one C x C matrix holds all its steps, because the factor of a leading block is
# the leading block of the factor:
#
# $$L L^\top = I + K P K^\top, \qquad [H \mid R] = L^{-1} [K P \mid V - K W], \qquad O = Q W + \mathrm{tril}(Q H^\top) R$$
#
# ```text
# L = cholesky(I + K P K^T)                    (C x C, lower triangular)
# [H | R] = L^(-1) [K P | V - K W]             (C x d and C x dv, by one triangular solve)
# O = Q W + tril(Q H^T) R                      (the diagonal belongs to it: a query meets its own pair)
# and for the next chunk:  P <- P - H^T H,   W <- W + H^T R
# ```
#
# Row t of R is the surprise of position t, scaled, with all pairs before it in the chunk taken into
# account. With C = 1 this is the gain form of 4f. There are n / C steps in a row instead of n, each
# of a few large operations; the work becomes n (d^2 + C d + C^2), up to constant factors. (The
# span, with as many processors as you like, falls by half at most: a Cholesky factor goes column by
# column.) The last chunk may be shorter.

# %% [raw]
# # BEGIN SOLUTION


# %%
def chunked_ridge_attention(Q, K, V, lam, chunk):
    """Causal ridge attention in chunks of `chunk` positions: the same outputs.

    Q (n, d), K (n, d), V (n, dv), lam > 0, chunk >= 1 -> outputs (n, dv); with batch and head
    dimensions in front too.
    """
    # BEGIN SOLUTION
    d = K.shape[-1]
    P = torch.eye(d, dtype=K.dtype, device=K.device) / lam
    W = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])  # (.., d, dv)
    outputs = []
    for q, k, v in zip(*(a.split(chunk, -2) for a in (Q, K, V)), strict=True):  # (.., C, d)
        one = torch.eye(k.shape[-2], dtype=K.dtype, device=K.device)
        kP = k @ P
        L = torch.linalg.cholesky(one + kP @ k.mT)
        whitened = torch.linalg.solve_triangular(L, torch.cat([kP, v - k @ W], -1), upper=False)
        H, R = whitened[..., :d], whitened[..., d:]
        outputs.append(q @ W + torch.tril(q @ H.mT) @ R)
        P = P - H.mT @ H
        W = W + H.mT @ R
    return torch.cat(outputs, -2)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [markdown]
# **Is it right, and what did it save?** For several chunk sizes: the largest difference from your
# recursion, and the work, the span and the number of operations started, all counted. On a machine
# that waits for each operation to start, the last column is what is saved.

# %% tags=["otter_ignore"]
with needs("4f", "the challenge"):
    ridge_costs.chunks(chunked_ridge_attention, causal_ridge_attention)

# %% [markdown]
# **What float32 does to a recursion.** Now one long context in which two keys come over and over,
# with lam = 0.01. M_t is a sum of terms that never cancel: adding them up loses nothing, and one
# solve at the end is good to six digits, at any length. That is the line with the squares, your
# `ridge_attention` on the first t pairs. The recursion never has M_t, only its inverse, and brings
# that down from 1 / lam by subtracting: along a key with |k|^2 = 1.56, 100 becomes 1 / 1.57, then 1
# / 3.14, and so on. What is left is small, but the rounding errors are not: they have the size of
# what was there at the start.
#
# The gain form of 4f forgives more than the others: an error in W shows up as surprise, and later
# pairs correct it. In J_t^T (M_t^(-1) q), a sum that grows meets an inverse that has lost its
# digits; and a W whose update is multiplied out, (M^(-1) - U)(J + k v^T), is right on paper and
# among the least accurate here: its terms are large and cancel, and what was rounded stays in W for
# good. This plot shows where your form stands, in a few seconds.

# %% tags=["otter_ignore"]
with needs("4c", "4f"):
    ridge_drift.drift(causal_ridge_attention, ridge_attention)

# %% [markdown]
# **Where to go from here.** Carry M_t and J_t as sums, and solve where an output is wanted: then
# nothing drifts, at d^3 a position instead of d^2. Do it only once per chunk, and you get both.
# With a factor below 1 on the old sums the layer forgets; with the gain set to a learned rate times
# k_t it is the delta rule (DeltaNet), which corrects the surprise along k_t alone and needs no
# inverse. MesaNet (von Oswald and others, 2025) is the layer of this notebook, at scale: it solves
# for every query by some steps of conjugate gradients, and keeps lam at 0.25 or more. You know why.
