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
# name: q_purification
# init_cell: true
# tests:
#   files: false
#   ok_format: false

# %% [markdown]
# # Self-supervised linear purification
#
# Problem 3 · 20 points: 14 for code and answers, 6 for words · about two and a half hours
#
# Ask a square matrix to reproduce its own inputs, and it will learn nothing: the identity does that
# perfectly. Add a small price on the size of the matrix, and it has to choose. It spends its
# weights on the directions in which the data is large, and lets the others go. It has no labels and
# no narrow layer, and never sees any noise, and yet what it becomes is exactly the best linear
# filter against noise.
#
# You will weigh two candidates by hand, find the best matrix of all in closed form and watch gradient
# descent arrive at it, choose the price so that what you want to keep is kept, and then clean
# handwritten digits with it. What will surprise you is how exact the word *exactly* is.
#
# **The problem.** For data X and a number lam > 0, find the W with the least
#
# $$\mathcal{L}_2(W; X, \lambda) = \underbrace{\|X - W X\|_F^2}_{\text{reconstruction}} + \lambda \underbrace{\|W\|_F^2}_{\text{regularization}}$$
#
# ```text
# L2(W; X, lam) = ||X - W X||_F^2 + lam ||W||_F^2
#                 reconstruction        regularization
# ||A||_F^2 = sum of the squares of all entries of A = trace(A A^T)
# ```
#
# | symbol | shape | what it is |
# |:--|:--|:--|
# | `X` | (m, n) | the data: each **column** is one of n points, each row one of m features |
# | `W` | (m, m) | the encoder; it takes a point x to W x |
# | `lam` | number | λ, the price of weights, above 0 |
#
# The regularization loss is ‖W‖² without the factor lam; the factor comes in when the two are added
# up. The problem comes from Homework 8 of EECS 182 (Berkeley, Fall 2025), "the sheet" below, which
# came with an official solution.

# %%
import torch

from labkit import digits_plots, purification_plots
from labkit.answers import needs


# %% [raw]
# # BEGIN QUESTION
# name: q3a
# points: 4

# %% [markdown]
# ## 3a · Two encoders
# 4 points · difficulty 1 of 3 · about 20 minutes
#
# Before looking for the best W, weigh two. Alpha keeps everything. Beta throws away the second
# feature, which holds next to nothing in this data. Alpha reconstructs better, beta is cheaper, and
# lam decides. What may surprise you is how soon beta wins: a square matrix has room for the
# identity, and the price alone keeps it from becoming that. It is a bottleneck without a narrow
# layer.
#
# $$W^{(\alpha)} = \begin{bmatrix} 1 & 0 \\ 0 & 1 \end{bmatrix} \qquad W^{(\beta)} = \begin{bmatrix} 1 & 0 \\ 0 & 0 \end{bmatrix} \qquad X = \begin{bmatrix} -2.17 & 1.98 & 2.41 & -2.03 \\ 0.02 & -0.01 & 0.01 & -0.02 \end{bmatrix}$$
#
# ```text
# W_alpha = [[1, 0], [0, 1]]     W_beta = [[1, 0], [0, 0]]
# X = [[-2.17, 1.98, 2.41, -2.03], [0.02, -0.01, 0.01, -0.02]]
# ```
#
# 1. Write `purification_losses`, for any W and X. Use torch operations from beginning to end:
#    further down, gradient descent goes through it.
# 2. On paper: `alpha_losses` and `beta_losses`, each the reconstruction loss and then the
#    regularization loss, to three digits.
# 3. On paper: `lambda_threshold`, the number above which alpha has the higher L2 of the two.
#
# **An example, by hand.** For W = [[1, 1], [0, 0]] and X = [[1, 2], [3, 0]], X - W X is
# [[-3, 0], [3, 0]], so the losses are 18 and 2.

# %% [raw]
# # BEGIN SOLUTION


# %%
def purification_losses(W, X):
    """The reconstruction loss ||X - W X||_F^2 and the regularization loss ||W||_F^2.

    W (m, m), X (m, n) -> two numbers, in this order; the second one without lam.

    With W = [[1, 1], [0, 0]] and X = [[1, 2], [3, 0]]: 18 and 2.
    """
    # BEGIN SOLUTION
    residual = X - W @ X  # (m, n)
    return residual.square().sum(), W.square().sum()
    # END SOLUTION


# %%
alpha_losses = (0, 2)  # SOLUTION
beta_losses = (0.001, 1)  # SOLUTION
lambda_threshold = 1e-3  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: the losses worked by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_losses_by_hand(purification_losses):
    import torch
    from labkit.checks import same

    W, X = torch.tensor([[1.0, 1.0], [0.0, 0.0]]), torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    same(purification_losses(W, X), [18.0, 2.0], rtol=1e-5, axes=("loss",), show=True)


test_losses_by_hand(purification_losses)

# %%
""" # BEGIN TEST CONFIG
name: twice the data, four times the reconstruction loss
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_losses_scale(purification_losses):
    import torch
    from labkit.checks import of_shape, same

    W, X = torch.tensor([[0.5, 1.0], [0.0, 2.0]]), torch.arange(6.0).reshape(2, 3)
    once = of_shape(purification_losses(W, X.clone()), 2, axes=("loss",))
    expected = once * torch.tensor([4.0, 1.0])
    same(purification_losses(W, 2 * X), expected, rtol=1e-5, axes=("loss",), show=True)


test_losses_scale(purification_losses)

# %%
""" # BEGIN TEST CONFIG
name: two numbers, two numbers, and one
points: 0
hidden: false
success_message: The right count. Hidden checks look at the numbers and decide the score.
"""  # END TEST CONFIG


def test_how_many_losses(alpha_losses, beta_losses, lambda_threshold):
    from labkit.checks import how_many

    how_many(alpha_losses, 2, about="alpha_losses")
    how_many(beta_losses, 2, about="beta_losses")
    how_many(lambda_threshold, 1, about="lambda_threshold")


test_how_many_losses(alpha_losses, beta_losses, lambda_threshold)

# %%
""" # BEGIN TEST CONFIG
name: the losses of any W and X
points: 1.5
hidden: true
"""  # END TEST CONFIG


def test_any_losses(purification_losses):
    from solutions.reference import purification, purification_cases

    for case in purification_cases.losses(6):
        expected = purification.losses(*case.args)
        case.same(purification_losses(*case.args), expected)


test_any_losses(purification_losses)

# %%
""" # BEGIN TEST CONFIG
name: the losses in float64, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_losses_of_float64(purification_losses):
    import torch
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import purification, purification_cases

    for case in purification_cases.losses(2, torch.float64):
        expected = purification.losses(*case.args)
        case.same(purification_losses(*case.args), expected)
        leaves_inputs_alone(purification_losses, *case.args, names="WX")


test_losses_of_float64(purification_losses)

# %%
""" # BEGIN TEST CONFIG
name: the losses of alpha
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_alpha_losses(alpha_losses):
    from labkit.checks import as_tensor, same

    same(as_tensor(alpha_losses).flatten(), [0.0, 2.0], rtol=1e-5, axes=("loss",))


test_alpha_losses(alpha_losses)

# %%
""" # BEGIN TEST CONFIG
name: the losses of beta
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_beta_losses(beta_losses):
    from labkit.checks import as_tensor, same

    # of the larger loss, 1: that is 1% of the smaller one
    same(as_tensor(beta_losses).flatten(), [0.001, 1.0], rtol=1e-5, axes=("loss",))


test_beta_losses(beta_losses)

# %%
""" # BEGIN TEST CONFIG
name: the lam where beta takes over
points: 1
hidden: true
"""  # END TEST CONFIG


def test_lambda_threshold(lambda_threshold):
    from labkit.checks import as_tensor, same

    same(as_tensor(lambda_threshold).flatten(), [1e-3], rtol=0.01)


test_lambda_threshold(lambda_threshold)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See the two compete.** Lines are L2 as your function adds it up for each lam; marks are your two
# results by hand. Where the lines cross is where your threshold should be.

# %% tags=["otter_ignore"]
with needs("3a"):
    purification_plots.encoders(purification_losses, alpha_losses, beta_losses, lambda_threshold)

# %% [markdown]
# <details><summary>Hint 1: the square of a norm</summary>
#
# The Frobenius norm has a square root in it; its square has none. Sum up squares, and do not divide by
# how many there are.
# </details>
#
# <details><summary>Hint 2: the threshold</summary>
#
# Write down both values of L2 as functions of lam, two straight lines, and ask where one overtakes the
# other.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q3b
# points: 6

# %% [markdown]
# ## 3b · The best encoder of all
# 6 points · difficulty 2 of 3 · about 35 minutes
#
# Of all square matrices, which has the least L2? With the singular value decomposition (SVD)
# X = U Σ V^T there is a closed form, and its middle is this:
#
# $$\widehat{W} = \Big[\;?\;\Big] \cdot \operatorname{diag}\!\left(\frac{\sigma_1^2}{\sigma_1^2 + \lambda}, \dots, \frac{\sigma_m^2}{\sigma_m^2 + \lambda}\right) \cdot \Big[\;?\;\Big]$$
#
# ```text
# W_hat = [ ? ] diag(sigma_1^2 / (sigma_1^2 + lam), ..., sigma_m^2 / (sigma_m^2 + lam)) [ ? ]
# X = U Sigma V^T   with   U (m, m), Sigma (m, n), V (n, n)   and   sigma_1 >= sigma_2 >= ... >= 0
# ```
#
# Which two matrices belong in the brackets? Their shapes leave little choice. Each number in the
# middle lies between 0 and 1 and says how much is kept of one direction: nearly all where sigma^2
# is far above lam, next to nothing where it is far below. They are called **filter factors**.
#
# The sheet assumes more points than features. Nothing above needs that, and your code must not need
# it either. Where there are fewer points, or features that repeat one another, some directions hold
# no data; sigma is 0 there, and nothing of them is kept. So as lam goes to 0, W_hat does *not*
# become the identity then, but the projector onto the directions that hold data.
#
# 1. Write `purifier`, **by the SVD of X**. There is a shorter way, W = X X^T (X X^T + lam I)^(-1),
#    which is the same on paper. The surprise is in floating point: X X^T squares the singular
#    values, and a float32 with its seven digits cannot hold both 8000^2 and 1^2. One point is for
#    small lam, where that matters.
# 2. Write `purify`, which applies any W (m, m) to one point (m,) or to many, the columns of (m, k).
#
# **An example, by hand.** X = [[2, 0, 0], [0, 1, 0]] has the singular values 2 and 1. With lam = 4 the
# factors are 4/8 and 1/5, so W_hat = [[0.5, 0], [0, 0.2]].

# %% [raw]
# # BEGIN SOLUTION


# %%
def purifier(X, lam):
    """The W that minimizes ||X - W X||_F^2 + lam ||W||_F^2, by the SVD of X.

    X (m, n) with any m and n, lam > 0 -> W (m, m), in the type of X.

    With X = [[2, 0, 0], [0, 1, 0]] and lam = 4: [[0.5, 0], [0, 0.2]].
    """
    # BEGIN SOLUTION
    U, s, _ = torch.linalg.svd(X, full_matrices=False)  # (m, k), (k,), with k = min(m, n)
    kept = s**2 / (s**2 + lam)
    return U @ torch.diag(kept) @ U.T
    # END SOLUTION


# %%
def purify(W, x):
    """What an encoder makes of one point or of many.

    W (m, m), x (m,) or (m, k), points in columns -> W x, in the shape of x.

    With W = [[0, 1], [0, 0]] and x = [3, 5]: [5, 0].
    """
    # BEGIN SOLUTION
    return W @ x
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: the purifier worked by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes and lam follow and decide the score.
"""  # END TEST CONFIG


def test_purifier_by_hand(purifier):
    import torch
    from labkit.checks import same

    W = purifier(torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), 4.0)
    same(W, [[0.5, 0.0], [0.0, 0.2]], rtol=1e-5, axes=("row", "column"), show=True)


test_purifier_by_hand(purifier)

# %%
""" # BEGIN TEST CONFIG
name: turned data has a turned purifier
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes and lam follow and decide the score.
"""  # END TEST CONFIG


def test_purifier_turns(purifier):
    import torch
    from labkit.checks import of_shape, same
    from labkit.inputs import rotation

    X, Q = torch.tensor([[3.0, 1.0, 0.0], [1.0, 0.0, 1.0]]), rotation(0.7)
    W = of_shape(purifier(X.clone(), 0.5), 2, 2, axes=("row", "column"))
    turned = purifier(Q @ X, 0.5)
    same(turned, Q.double() @ W @ Q.T.double(), rtol=1e-5, axes=("row", "column"), show=True)


test_purifier_turns(purifier)

# %%
""" # BEGIN TEST CONFIG
name: three points, and one
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_purify_by_hand(purify):
    import torch
    from labkit.checks import same

    W = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    two = purify(W, torch.tensor([[3.0, 1.0, 0.0], [5.0, 2.0, 1.0]]))
    same(two, [[5.0, 2.0, 1.0], [0.0] * 3], rtol=1e-5, axes=("feature", "point"), show=True)
    same(purify(W, torch.tensor([3.0, 5.0])), [5.0, 0.0], rtol=1e-5, axes=("feature",), show=True)


test_purify_by_hand(purify)

# %%
""" # BEGIN TEST CONFIG
name: the purifier of more points than features
points: 1.5
hidden: true
"""  # END TEST CONFIG


def test_wide(purifier):
    from solutions.reference import purification, purification_cases

    for case in purification_cases.wide(purification_cases.LAMBDAS):
        expected = purification.purifier(*case.args)
        case.same(purifier(*case.args), expected)


test_wide(purifier)

# %%
""" # BEGIN TEST CONFIG
name: the purifier where directions hold no data
points: 1.5
hidden: true
"""  # END TEST CONFIG


def test_deficient(purifier):
    from solutions.reference import purification, purification_cases

    for case in purification_cases.deficient(purification_cases.LAMBDAS):
        expected = purification.purifier(*case.args)
        case.same(purifier(*case.args), expected)


test_deficient(purifier)

# %%
""" # BEGIN TEST CONFIG
name: the purifier at small lam
points: 1
hidden: true
"""  # END TEST CONFIG


def test_small_lam(purifier):
    from solutions.reference import purification, purification_cases

    for case in purification_cases.small_lam((1e-4, 0.03)):
        expected = purification.purifier(*case.args)
        case.same(purifier(*case.args), expected)


test_small_lam(purifier)

# %%
""" # BEGIN TEST CONFIG
name: all the digits of float64, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_purifier_of_float64(purifier):
    import torch
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import purification, purification_cases

    for case in purification_cases.wide((0.05, 30.0), torch.float64, square=(30.0,)):
        expected = purification.purifier(*case.args)
        case.same(purifier(*case.args), expected)
        leaves_inputs_alone(purifier, *case.args, names=("X", "lam"))


test_purifier_of_float64(purifier)

# %%
""" # BEGIN TEST CONFIG
name: any encoder on one point and on many
points: 1.5
hidden: true
"""  # END TEST CONFIG


def test_purify(purify):
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import purification_cases

    for case in purification_cases.applied():
        W, x = case.args
        expected = W.double() @ x.double()
        case.same(purify(W, x), expected)
        leaves_inputs_alone(purify, W, x, names="Wx")


test_purify(purify)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **Closed form against gradient descent.** Gradient descent knows your `purification_losses` and
# nothing else; it starts from W = 0. On the left, how far its loss is above that of your
# `purifier`, for three lam. On the right, for one of them, is what it keeps of each direction, step
# by step; dashed is what your closed form keeps. Look at the order in which the directions arrive:
# stopping early is a way to regularize, too.

# %% tags=["otter_ignore"]
with needs("3a", "3b"):
    purification_plots.descent(purification_losses, purifier)

# %% [markdown]
# **Ridge *is* denoising.** So far no noise was ever mentioned. Now add some to the data,
# independent in every entry, with mean 0 and standard deviation sigma, and ask W to give the clean
# X back. On average over the noise G,
#
# $$\mathbb{E}_G\,\|X - W(X + G)\|_F^2 = \|X - W X\|_F^2 + n \sigma^2 \|W\|_F^2$$
#
# ```text
# mean over G of ||X - W (X + G)||_F^2 = ||X - W X||_F^2 + n sigma^2 ||W||_F^2
# ```
#
# The right side is L2 with lam = n sigma^2. The left of the figure shows both sides, for your
# purifiers at many lam: dots are measured, with fresh noise and your `purify`; the line is added up
# from your two losses. The right shows points in the plane, before and after.

# %% tags=["otter_ignore"]
with needs("3a", "3b"):
    purification_plots.denoising(purification_losses, purifier, purify)

# %% [markdown]
# <details><summary>Hint 1: which matrices?</summary>
#
# V has shape (n, n), so it cannot stand beside a diagonal matrix (m, m). In words: turn a point into the
# coordinates in which the data is uncorrelated, shrink each, turn back.
# </details>
#
# <details><summary>Hint 2: shapes that do not fit</summary>
#
# `torch.linalg.svd` gives U, the singular values, and V^T (not V). With `full_matrices=False` there are
# as many columns in U as there are singular values, whichever of m and n is smaller.
# </details>
#
# <details><summary>Hint 3: nearly there</summary>
#
# Square the singular values, and divide by the squares plus lam. `torch.diag` makes a diagonal matrix of
# a vector; multiplying the columns of U by the vector, which broadcasting does, is the same.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q3b_1
# manual: true
# points: 4

# %% [markdown]
# ## 3b Q1 · Why it is the best
# 4 points · difficulty 3 of 3 · about 40 minutes
#
# Derive the closed form, and say why there is no other minimum. There are three good roads; one is
# enough. **Rows:** L2 is a sum of m ridge regressions that do not see one another (what of X is the
# target in each, and what are the inputs?). **Calculus:** write both norms as traces, set the gradient
# with respect to W to zero. **Geometry:** the Frobenius norm does not change under rotations,
# ‖A‖ = ‖U A V^T‖ for orthogonal U and V, so go to the coordinates in which X is diagonal.
#
# Whichever you take, get as far as the SVD form.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# **Road 1, rows.** Let x_i^T and w_i^T be row i of X and of W. Row i of X - W X is x_i^T - w_i^T X, so
# L2 = sum over i = 1, ..., m of ||x_i - X^T w_i||^2 + lam ||w_i||^2. Each term holds one row of W, so
# each can be minimized alone: it is ridge regression with the target x_i (n numbers), the matrix of
# inputs X^T (n, m) and the weights w_i. Its only solution is w_i = (X X^T + lam I)^(-1) X x_i. As rows:
# w_i^T = x_i^T X^T (X X^T + lam I)^(-1), since that inverse is symmetric, and stacked,
# W_hat = X X^T (X X^T + lam I)^(-1). (It is rows that decouple. By columns, L2 is a sum over points, in
# which every term holds all of W.)
#
# **Road 2, calculus.** L2 = tr(X X^T) - 2 tr(W X X^T) + tr(W X X^T W^T) + lam tr(W W^T), where
# tr(X X^T W^T) = tr(W X X^T) by transposing. The gradient is -2 X X^T + 2 W X X^T + 2 lam W. It is zero
# where W (X X^T + lam I) = X X^T, and for lam > 0 the matrix X X^T + lam I is positive definite, so there
# is exactly one such W. L2 is convex, and strictly so because of lam ||W||^2: this is the minimum, and
# no other. (The official solution drops the transpose in the fourth trace, and gets the right gradient
# all the same.)
#
# **To the SVD form, from either.** With X = U S V^T, X X^T = U S S^T U^T = U D U^T, where D = S S^T is
# (m, m) and diagonal, with sigma_i^2 on it (0 beyond the rank). X X^T + lam I = U (D + lam I) U^T, so
# W_hat = U D U^T U (D + lam I)^(-1) U^T = U D (D + lam I)^(-1) U^T, with sigma_i^2 / (sigma_i^2 + lam) in
# the middle: U is on the left and U^T on the right.
#
# **Road 3, geometry.** Write W = U Z U^T, which is no restriction: Z = U^T W U. Then X - W X =
# U (S - Z S) V^T, so ||X - W X|| = ||S - Z S||, and ||W|| = ||Z||. In entries, with sigma_j = 0 for
# directions without data, (S - Z S)_jj = sigma_j (1 - Z_jj) and (S - Z S)_ij = -Z_ij sigma_j, so
# L2 = sum over i of [sigma_i^2 (1 - Z_ii)^2 + lam Z_ii^2] + sum over i != j of (sigma_j^2 + lam) Z_ij^2.
# Every entry of Z stands alone. Off the diagonal the least is at Z_ij = 0. On it, -2 sigma_i^2 (1 - Z_ii)
# + 2 lam Z_ii = 0 gives Z_ii = sigma_i^2 / (sigma_i^2 + lam). Each is a parabola that opens upwards, as
# lam > 0, so there is no other minimum.
# (Slips of the official solution on this road, none of which changes the result: S scales the *columns*
# of Z, so it is sigma_j that goes with Z_ij, where sigma_i is printed; ||U^T W U V^T||, whose shapes do
# not fit, (m, m) times (n, n), stands for ||U^T W U||; and the proof that the norm does not change has
# tr(U^T U A U^T) for tr(U^T U A A^T).)
#
# **Rubric.** Road 1: 1.5 for the sum over rows with target x_i and inputs X^T named; 1 for the ridge
# solution and stacking it to X X^T (X X^T + lam I)^(-1). Road 2: 1.5 for the expansion into traces with
# W^T in the quadratic term; 1 for the gradient and solving it. Roads 1 and 2: 1 for the step to the SVD
# form with D = S S^T. Road 3: 1 for the change of coordinates with both norms; 1 for the entries with
# sigma_j; 1.5 for minimizing each entry and the form. All roads: 0.5 for the uniqueness (lam > 0:
# invertible, strictly convex, or each parabola opens upwards). Take 0.5 off for a transpose lost and
# 0.5 for decoupling by columns.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3b_2
# manual: true
# points: 1

# %% [markdown]
# ## 3b Q2 · Where the noise went
# 1 point · difficulty 2 of 3 · about 10 minutes
#
# Show the identity above, for noise whose entries are independent with mean 0 and variance sigma^2. Then
# read the figure: where is the lowest point of the curve, and what do the two parts of the sum do to the
# left and to the right of it?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# X - W (X + G) = (X - W X) - W G. Squared, the cross term is linear in G, so it is 0 on average.
# For the last term, ||W G||^2 sums ||W g||^2 over the n columns g of G, and the mean of ||W g||^2
# is tr(W E[g g^T] W^T) = sigma^2 tr(W W^T) = sigma^2 ||W||^2, as E[g g^T] = sigma^2 I. Together:
# ||X - W X||^2 + n sigma^2 ||W||^2.
#
# The curve is lowest at lam = n sigma^2, since the purifier for that lam minimizes this very sum over
# *all* matrices. To the left W is too near the identity, and lets noise through: the second term is the
# large one. To the right it shrinks the signal along with the noise, and the first one is.
#
# **Rubric.** 0.5 for the cross term and the trace. 0.5 for the minimum at n sigma^2 and noise against
# signal on its two sides.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3c
# points: 4

# %% [markdown]
# ## 3c · A window for lam
# 4 points · difficulty 2 of 3 · about 30 minutes
#
# Turn the question round: you know what you want to keep, and look for lam. Of the first `keep`
# directions (those with the largest singular values) each must keep at least the share
# `keep_at_least` of its strength; each of the others must be left with at most the share
# `rest_at_most`. A larger lam dims everything, so the first condition bounds lam from above, and
# the second from below. What may surprise you is that there may be no such lam at all: ridge is a
# gentle filter, and two neighbouring directions get nearly the same factor. (The sheet asks to
# "preserve at least 80% of the feature directions". We take that for 80% of the strength of each
# direction.)
#
# $$\frac{\sigma_i^2}{\sigma_i^2 + \lambda} \ge 0.8 \quad (i \le \text{keep}) \qquad \text{and} \qquad \frac{\sigma_i^2}{\sigma_i^2 + \lambda} \le 0.5 \quad (i > \text{keep})$$
#
# ```text
# sigma_i^2 / (sigma_i^2 + lam) >= 0.8  for i <= keep    and    <= 0.5  for i > keep
# ```
#
# **Write `lambda_window`**, which returns (low, high), or None where no lam does both. Its singular values
# come as a tensor (m,) of positive numbers, largest first.
#
# - `keep = 0`: nothing bounds lam from above, so high is `float("inf")`. All kept: low is 0.
# - A window of one point is a window. Floating point may put its two ends in the wrong order, by the
#   last digit, so **take ends that agree to nine digits for one point**. (`0.1 + 0.2 <= 0.3` is False.)
#
# **`answer_3c`**: the window on paper, (low, high), for the first **three** directions of
#
# ```text
# sigma = 10, 8, 4, 1, 0.5, 0.36, 0.16, 0.01     at least 80% kept, at most 50% left of the others
# ```
#
# **An example, by hand.** For sigma = 10, 2, 1 and keep = 1: the first keeps 0.8 where lam <= 25, the
# second has 0.5 or less where lam >= 4, and so has the third. (4, 25). For sigma = 3, 2, 1 it is None.

# %% [raw]
# # BEGIN SOLUTION


# %%
def lambda_window(singular_values, keep, keep_at_least=0.8, rest_at_most=0.5):
    """The lam for which the first `keep` directions keep enough, and the others little enough.

    singular_values (m,), largest first; keep from 0 to m; two shares between 0 and 1
    -> (low, high), both ends included, or None if there is no such lam.

    With singular values 10, 2, 1 and keep = 1: (4, 25).
    """
    # BEGIN SOLUTION
    low, high = 0.0, float("inf")
    if keep > 0:  # the smallest of those kept decides
        high = float(singular_values[keep - 1]) ** 2 * (1 - keep_at_least) / keep_at_least
    if keep < len(singular_values):  # the largest of the others decides
        low = float(singular_values[keep]) ** 2 * (1 - rest_at_most) / rest_at_most
    if abs(high - low) <= 1e-9 * low:  # one point, whatever the last digit says
        return low, low
    return (low, high) if low < high else None
    # END SOLUTION


# %%
answer_3c = (1, 4)  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: the window worked by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other numbers follow and decide the score.
"""  # END TEST CONFIG


def test_window_by_hand(lambda_window):
    import torch
    from labkit.checks import same

    window = lambda_window(torch.tensor([10.0, 2.0, 1.0], dtype=torch.float64), 1)
    same(window, [4.0, 25.0], rtol=1e-6, axes=("end",), show=True)


test_window_by_hand(lambda_window)

# %%
""" # BEGIN TEST CONFIG
name: no window for 3, 2, 1, and one for 3, 1, 1
points: 0
hidden: false
success_message: Right so far. Hidden checks on other numbers follow and decide the score.
"""  # END TEST CONFIG


def test_no_window_by_hand(lambda_window):
    import torch
    from labkit.checks import same

    window = lambda_window(torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64), 1)
    assert window is None, "for 3, 2, 1 and keep = 1 no lam does both: None was asked for"
    window = lambda_window(torch.tensor([3.0, 1.0, 1.0], dtype=torch.float64), 1)
    same(window, [1.0, 2.25], rtol=1e-6, axes=("end",), show=True)


test_no_window_by_hand(lambda_window)

# %%
""" # BEGIN TEST CONFIG
name: two numbers by hand
points: 0
hidden: false
success_message: The right count. A hidden check looks at the numbers and decides the score.
"""  # END TEST CONFIG


def test_two_ends(answer_3c):
    from labkit.checks import how_many

    how_many(answer_3c, 2, about="answer_3c")


test_two_ends(answer_3c)

# %%
""" # BEGIN TEST CONFIG
name: the window for any number of directions
points: 1
hidden: true
"""  # END TEST CONFIG


def test_windows(lambda_window):
    from solutions.reference import purification, purification_cases

    for case in purification_cases.windows((1, 2, 3, 4, 5)):
        expected = purification.window(*case.args)
        purification_cases.same_window(case, lambda_window(*case.args), expected)


test_windows(lambda_window)

# %%
""" # BEGIN TEST CONFIG
name: nothing kept, and everything
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_open_windows(lambda_window):
    from solutions.reference import purification, purification_cases

    for case in purification_cases.windows((-1, 0)):
        expected = purification.window(*case.args)
        purification_cases.same_window(case, lambda_window(*case.args), expected)


test_open_windows(lambda_window)

# %%
""" # BEGIN TEST CONFIG
name: None where there is no window, a point where it closes
points: 1
hidden: true
"""  # END TEST CONFIG


def test_closed_windows(lambda_window):
    from solutions.reference import purification, purification_cases

    none = purification_cases.windows((1, 3, 5), open_=False)
    for case in (*none, *purification_cases.single_points()):
        expected = purification.window(*case.args)
        purification_cases.same_window(case, lambda_window(*case.args), expected)


test_closed_windows(lambda_window)

# %%
""" # BEGIN TEST CONFIG
name: other shares, inputs left alone
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_other_shares(lambda_window):
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import purification, purification_cases

    for shares in ((0.9, 0.3), (0.7, 0.4)):
        for case in purification_cases.windows((2, 4), shares=shares):
            expected = purification.window(*case.args)
            purification_cases.same_window(case, lambda_window(*case.args), expected)
            leaves_inputs_alone(lambda_window, *case.args, names=("singular_values",))


test_other_shares(lambda_window)

# %%
""" # BEGIN TEST CONFIG
name: the window by hand
points: 1
hidden: true
"""  # END TEST CONFIG


def test_answer_3c(answer_3c):
    from labkit.checks import as_tensor, same

    same(as_tensor(answer_3c).flatten(), [1.0, 4.0], rtol=1e-3, axes=("end",))


test_answer_3c(answer_3c)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See the window.** On the left the eight filter factors of the sheet's data against lam, with
# your windows for three directions and for two. In the middle and on the right the factors at both
# ends of each, beside the step of PCA, which keeps a direction whole or not at all. No factor may
# lie in a shaded area. Watch what becomes of the window when two directions are to be kept.

# %% tags=["otter_ignore"]
with needs("3c"):
    purification_plots.windows(lambda_window)

# %% [markdown]
# <details><summary>Hint 1: which singular values decide?</summary>
#
# The factor grows with sigma. If the weakest of those to be kept has enough, all of them have; if the
# strongest of the others has little enough, all of them have.
# </details>
#
# <details><summary>Hint 2: solve for lam</summary>
#
# sigma^2 / (sigma^2 + lam) >= a: multiply by the denominator, which is positive, and bring lam to one
# side. The same with b for the others; the inequality points the other way.
# </details>
#
# <details><summary>Hint 3: counting from 0</summary>
#
# In Python the last of the first `keep` values has the index keep - 1, and the one after it the index
# keep. At keep = 0 the index keep - 1 is -1, which Python takes for the last of all.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q3c_1
# manual: true
# points: 1

# %% [markdown]
# ## 3c Q1 · How far apart?
# 1 point · difficulty 2 of 3 · about 15 minutes
#
# By what factor does the last singular value kept have to exceed the next one, so that there is a window
# for 80% and 50%? What does that say about keeping *two* directions of the sheet's data, and what can
# go wrong there in floating point? PCA needs no such gap: what does it do instead?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# With s the last kept and t the next one, low = t^2 (0.5 / 0.5) = t^2 and high = s^2 (0.2 / 0.8) = s^2 / 4.
# So there is a window exactly where t^2 <= s^2 / 4, that is s >= 2 t. (In general s^2 / t^2 has to be
# a (1 - b) / (b (1 - a)) at least.) For three directions s = 4 and t = 1: from 1 to 4. The official
# solution arrives there too; it prints 0.6 in one line where 0.5 is meant, and with 0.6 the lower end
# would be 2/3.
#
# For two directions s = 8 is exactly twice t = 4, and the window is the single point lam = 16: there the
# second direction has a factor of exactly 0.8 and the third exactly 0.5. In floating point
# 64 * (1 - 0.8) / 0.8 is 15.999999999999996, so the comparison low <= high fails, and the only right lam
# is lost; hence the tolerance.
#
# PCA cuts by rank and not by size: each direction is kept whole or dropped, however near neighbours are.
#
# **Rubric.** 0.5 for the factor 2 with its reason. 0.5 for the single point (16) with rounding, or for
# PCA's hard step against ridge's gradual one.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [markdown]
# ## What you found
#
# The sheet's data once more, and your purifier for lam from 1/4 to 64. From row to row the
# reconstruction loss rises and the weights shrink. "Directions kept" adds up all factors: the trace of
# W, a rank that need not be a whole number. In which rows are three directions above 80% and all the
# others at 50% or below?

# %% tags=["otter_ignore"]
with needs("3a", "3b"):
    purification_plots.findings(purification_losses, purifier)

# %% [markdown]
# ## Beyond
#
# **Handwritten digits.** The theory in one picture: X holds 900 clean digits as columns of 64
# pixels, minus their mean, and `purifier(X, n * sigma**2)` has never seen noise. It is applied to
# other digits with noise on them. Below it PCA, with the number of components that is best *for
# these very test digits*, which nobody could know: an oracle. (1797 digits of 8 x 8 pixels, by E.
# Alpaydin and C. Kaynak, from the UCI repository, CC BY 4.0.)

# %% tags=["otter_ignore"]
with needs("3b"):
    digits_plots.pictures(purifier, purify)

# %% [markdown]
# **Is it right, and is it better?** On the left the error on test digits against lam: the theory says
# that it is lowest at n sigma^2. On the right the duel with that oracle, over 20 splits into training
# and test digits for each number of training digits and each size of the noise.
#
# In nearly every case ridge wins every single split, with an error 12 to 31% lower: PCA has to let
# go of whole directions, or keep all of their noise. But not in all of them. With 100 training
# digits and noise of 1, it wins 10 splits of 20, and with other splits 16 of 40. There the identity
# above still holds, *for the training digits*. For others, 100 digits show the weak directions
# weaker than they are, so lam = n sigma^2 dims them too much: a quarter to a third of it would have
# been best, with an error about a tenth lower. A theorem about training data ends where the
# training data ends.

# %% tags=["otter_ignore"]
with needs("3b"):
    digits_plots.duel(purifier, purify)

# %% [markdown]
# **Going further.** Divide X X^T by n and you have the covariance C of the data, and the purifier
# is C (C + sigma^2 I)^(-1): the *Wiener filter* of signal processing. Training *any* network with
# noise on its inputs acts like a penalty on its derivatives (Bishop 1995, "Training with noise is
# equivalent to Tikhonov regularization"); that is how denoising autoencoders learn the shape of
# their data. And what if nobody has a clean X? Train on X + G1 to predict X + G2, with two
# independent noises: which W does that give, and which lam does it correspond to?
