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
# name: q_referee_a_model
# init_cell: true
# tests:
#   files: false
#   ok_format: false

# %% [markdown]
# # Refereeing a model
#
# Problem 6 · 5 points, all for answers · about an hour and a half, after Problems 1, 3 and 4
#
# A student gave this homework in its original form (EECS 182, Berkeley, Fall 2025, Homework 8; "the
# sheet" below) to a language model, part by part, and wrote down what came back and what they
# thought of it. The answers read well. Most of them were right, and every slip is in a text that is
# as fluent as the rest; of the slips in this notebook, the student noticed none. You will do
# better, since you can do something that reading cannot: you can *run* a claim.
#
# Below are 17 of the model's claims, reworded, some true and some false. They were picked because
# they are worth checking, so the many right answers say nothing about how many of *them* are true.
# For each you say which it is, and how sure you are. For a false one you also hand in a
# **counterexample that runs**: numbers and lists on which the claim fails. What will surprise you
# is how small they are: where a claim about all matrices is false, a 2 x 2 matrix or a single
# number usually shows it.
#
# **An answer is three plain values**, for claim number 7, say:
#
# ```text
# verdict_7          True or False
# confidence_7       how sure you are of that, from 0.5 (a coin) to 1 (certain)
# counterexample_7   for the verdict True: None; for False: the values, such as
#                    {"p": [1, 2], "sigma": 3, "k": 0} (on which claim 7 holds)
# ```
#
# Every claim says that something is so *for all* values of a kind. So a counterexample is one set of
# values, and it is judged by computing both sides of the claim on it: in exact fractions, so that no
# rounding decides. Floating-point numbers are taken for exactly what they are. Numbers are 0 or from
# a millionth to 1000 in size.
#
# **Points.** There are ten checks of half a point. Each looks at one claim or at two, and passes if
# all of its verdicts are right and each false claim fails on your counterexample. (Whatever stands
# in its place beside the verdict True costs nothing.) So guessing does not pay, and calling
# everything true earns nothing. A "counterexample" on which the claim holds is refused, and you are
# told what both sides gave. Confidences earn no points; they have a picture of their own at the end.

# %%
from labkit import referee
from labkit.answers import needs
from labkit.referee import calibration, log

# %% [markdown]
# **Try a claim out.** `referee.try_on` computes both sides of a claim on any values. Each claim
# comes with an example of the right form on which it holds (claims 12 and 13 have none); this is
# claim 2's. One set of values on which a claim fails settles it. No number of them on which it
# holds ever does: then only a proof will, so ask yourself how sure you are.

# %% tags=["otter_ignore"]
referee.try_on(2, {"A": [[1, 0], [0, 1]], "L": 4})

# %% [raw]
# # BEGIN QUESTION
# name: q6a
# points: 1

# %% [markdown]
# ## 6a · Powers and scans
# 1 point · difficulty 1 of 3 · about 15 minutes
#
# Problem 1, parts a and d: the states, their kernel and what it costs. What the claims are about:
#
# $$x_{l+1} = A x_l + B u_l, \qquad K_l = C A^{l-1} B \quad (l = 1, \dots, L)$$
#
# ```text
# x_{l+1} = A x_l + B u_l,   K_l = C A^(l-1) B   for l = 1, ..., L
# ```
#
# A scan with an operation * over a sequence a, b, c, ... gives its prefixes a, a * b, a * b * c, ...; with
# enough processors, in logarithmic depth. The two most useful tests of any claim about cost and powers:
# write out the first three terms, and put in the smallest sizes that are not 1.
#
# **Claim 1** (from 1a). From `x_0 = 0`, the state after k steps of `x_{l+1} = A x_l + B u_l` is `x_k
# = sum over l = 0, ..., k-1 of A^(k-1-l) B u_l`.
#
# - evaluated: the recurrence against the sum, for one input channel and k = the length of u
# - a counterexample: `A`: a square matrix of up to 3 x 3; `B`: a list, one number for each row of A;
#   `u`: a list of 1 to 8 numbers. For example `{"A": [[0.5]], "B": [1], "u": [1, 0]}`
#
# **Claim 2** (from 1d). All powers `I, A, A^2, ..., A^(L-1)` can be computed in logarithmic depth
# by a parallel prefix scan, with the matrix product, over the sequence `I, A, A^2, ..., A^(L-1)`:
# its prefixes are the powers that are wanted.
#
# - evaluated: the prefix products of that sequence against the powers
# - a counterexample: `A`: a square matrix of up to 3 x 3; `L`: a whole number from 1 to 8. For
#   example `{"A": [[1, 0], [0, 1]], "L": 4}`
#
# **Claim 3** (from 1d). The work `L n^3` is optimal: no program that computes the taps `K_1, ...,
# K_L` of a general A (n, n), B (n, m), C (r, n) makes do with fewer than `L n^3` multiplications.
#
# - evaluated: the multiplications of a program that starts from B and applies A again and again,
#   against L n^3
# - a counterexample: `n`: a whole number from 1 to 64; `m`: the same; `r`: the same; `L`: the same.
#   For example `{"n": 1, "m": 1, "r": 1, "L": 2}`

# %% [raw]
# # BEGIN SOLUTION

# %%
verdict_1 = True  # SOLUTION
confidence_1 = 0.95  # SOLUTION
counterexample_1 = None  # SOLUTION

verdict_2 = False  # SOLUTION
confidence_2 = 0.95  # SOLUTION
counterexample_2 = {"A": [[2]], "L": 3}  # SOLUTION

verdict_3 = False  # SOLUTION
confidence_3 = 0.9  # SOLUTION
counterexample_3 = {"n": 2, "m": 1, "r": 1, "L": 4}  # SOLUTION

# %% [markdown]
# **Claim 1 is true**: induction over k.
#
# **Claim 2 is false.** The prefixes of I, A, A^2, A^3 are I, A, A^3, A^6: exponents add up, to
# 0, 1, 3, 6. A scan over the *constant* sequence A, A, A, ... is what gives the powers. With A = 2 and
# L = 3: 8 instead of 4. (It holds where A^3 = A^2, and up to L = 2.)
#
# **Claim 3 is false.** It is the work of multiplying n x n matrices; but only A^(l-1) B is needed, which
# is n x m. Starting from B: (L - 1) n^2 m + L r n m. With n = 2, m = r = 1, L = 4: 20 against 32.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 1
points: 0
hidden: false
success_message: Claim 1 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_1(verdict_1, confidence_1, counterexample_1):
    from labkit.referee import judge

    judge(1, verdict_1, confidence_1, counterexample_1)


test_form_of_1(verdict_1, confidence_1, counterexample_1)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 2
points: 0
hidden: false
success_message: Claim 2 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_2(verdict_2, confidence_2, counterexample_2):
    from labkit.referee import judge

    judge(2, verdict_2, confidence_2, counterexample_2)


test_form_of_2(verdict_2, confidence_2, counterexample_2)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 3
points: 0
hidden: false
success_message: Claim 3 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_3(verdict_3, confidence_3, counterexample_3):
    from labkit.referee import judge

    judge(3, verdict_3, confidence_3, counterexample_3)


test_form_of_3(verdict_3, confidence_3, counterexample_3)

# %%
""" # BEGIN TEST CONFIG
name: claims 1 and 2
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_claims_1_and_2(verdict_1, counterexample_1, verdict_2, counterexample_2):
    from solutions.reference.referee import right

    right(1, verdict_1, counterexample_1)
    right(2, verdict_2, counterexample_2)


test_claims_1_and_2(verdict_1, counterexample_1, verdict_2, counterexample_2)

# %%
""" # BEGIN TEST CONFIG
name: claim 3
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_claim_3(verdict_3, counterexample_3):
    from solutions.reference.referee import right

    right(3, verdict_3, counterexample_3)


test_claim_3(verdict_3, counterexample_3)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See both sides of each claim** on your own counterexample.

# %% tags=["otter_ignore"]
with needs("6a"):
    referee.overview(vars(), 1, 2, 3)

# %% [markdown]
# <details><summary>Hint 1: a scan over powers</summary>
#
# Take A to be a number, so that a product of powers is a power. Which exponents does the scan give?
# </details>
#
# <details><summary>Hint 2: less work</summary>
#
# C A A A B is one product of five factors. Which order of multiplying them never forms an n x n product?
# You wrote that program in 1d.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q6b
# points: 2

# %% [markdown]
# ## 6b · A with structure
# 2 points · difficulty 3 of 3 · about 35 minutes
#
# Problem 1, parts e and f: A is diagonal, or the identity plus a matrix of rank one. The model brought a
# scalar sigma into 1f that nobody had asked for; the homework's A is the one with sigma = 1.
#
# $$A = \operatorname{diag}(\lambda_1, \dots, \lambda_n) \qquad \text{or} \qquad A = I + \sigma p p^\top, \quad A^k = I + \beta_k p p^\top$$
#
# ```text
# A = diag(lam_1, ..., lam_n)    or    A = I + sigma p p^T,   A^k = I + beta_k p p^T
# ```
#
# Two of these claims are boxed results in the model's answer, one right below the other, for the same
# beta_k. They do not agree. Who is right? (`||p||^2` is the sum of the squares of p.)
#
# **Claim 4** (from 1e). For `A = diag(lam_1, ..., lam_n)` the tap `C A^(l-1) B` is `sum over i of
# lam_i^(l-1) c_i b_i^T`, where `c_i` is column i of C and `b_i^T` is row i of B.
#
# - evaluated: the product against the sum
# - a counterexample: `lam`: a list of 1 to 4 numbers; `B`: a matrix of up to 4 x 3, a row for each
#   lam_i; `C`: a matrix of up to 3 x 4, a column for each lam_i; `l`: a whole number from 1 to 8. For
#   example `{"lam": [0.5, 1], "B": [[1], [2]], "C": [[1, 0]], "l": 2}`
#
# **Claim 5** (from 1e). The numbers `f_l = sum over i of alpha_i lam_i^(l-1)`, l = 1, ..., L, are a
# Hankel matrix times the vector alpha: the matrix with `lam_i^(l-1)` in row l and column i has the
# same entry wherever `l + i` is the same.
#
# - evaluated: each entry of that matrix against the one a row below and a column to the left
# - a counterexample: `lam`: a list of 2 to 4 numbers; `L`: a whole number from 2 to 8. For example
#   `{"lam": [1, 1], "L": 3}`
#
# **Claim 6** (from 1e). With the products `c_i b_i^T` stored, every tap `K_L = sum over i of
# lam_i^(L-1) c_i b_i^T` takes `1 + ceil(log2 n)` levels of operations on two numbers, one product and
# a tree of sums. Work grows with L, depth does not.
#
# - evaluated: the levels of that formula with lam_i given (its powers, the product, the sum), against
#   the levels claimed
# - a counterexample: `n`: a whole number from 1 to 1024; `L`: the same. For example `{"n": 4, "L":
#   1}`
#
# **Claim 7** (from 1f). For `A = I + sigma p p^T` and every k, `A^k = I + beta_k p p^T`, where
# `beta_0 = 0` and `beta_{k+1} = 1 + (1 + sigma ||p||^2) beta_k`.
#
# - evaluated: A^k by multiplication against I + beta_k p p^T
# - a counterexample: `p`: a list of 1 to 4 numbers; `sigma`: a number; `k`: a whole number from 0 to
#   8. For example `{"p": [1, 2], "sigma": 3, "k": 0}`
#
# **Claim 8** (from 1f). For `A = I + sigma p p^T` with p not zero, and every k, `A^k = I + beta_k p
# p^T`, where `beta_k = ((1 + sigma ||p||^2)^k - 1) / ||p||^2`. The sigma that the sum of a geometric
# series puts in front has cancelled.
#
# - evaluated: A^k by multiplication against I + beta_k p p^T
# - a counterexample: `p`: a list of 1 to 4 numbers, not all 0; `sigma`: a number; `k`: a whole number
#   from 0 to 8. For example `{"p": [1, 2], "sigma": 3, "k": 0}`
#
# **Claim 9** (from 1f). With sigma = 1, all beta_k come out of one parallel scan, since two of its
# entries merge by the associative rule `(beta_i, beta_j) -> beta_{i+j} + beta_i beta_j ||p||^2`: what
# the rule returns is the entry for i + j steps.
#
# - evaluated: the rule's result, with the true beta_i, beta_j and beta_{i+j} in it, against
#   beta_{i+j}
# - a counterexample: `p`: a list of 1 to 4 numbers; `i`: a whole number from 0 to 8; `j`: the same.
#   For example `{"p": [1, 2], "i": 0, "j": 2}`

# %% [raw]
# # BEGIN SOLUTION

# %%
verdict_4 = True  # SOLUTION
confidence_4 = 0.95  # SOLUTION
counterexample_4 = None  # SOLUTION

verdict_5 = False  # SOLUTION
confidence_5 = 0.99  # SOLUTION
counterexample_5 = {"lam": [2, 3], "L": 2}  # SOLUTION

verdict_6 = False  # SOLUTION
confidence_6 = 0.9  # SOLUTION
counterexample_6 = {"n": 2, "L": 9}  # SOLUTION

verdict_7 = False  # SOLUTION
confidence_7 = 0.99  # SOLUTION
counterexample_7 = {"p": [1], "sigma": 2, "k": 1}  # SOLUTION

verdict_8 = True  # SOLUTION
confidence_8 = 0.9  # SOLUTION
counterexample_8 = None  # SOLUTION

verdict_9 = False  # SOLUTION
confidence_9 = 0.95  # SOLUTION
counterexample_9 = {"p": [1], "i": 1, "j": 1}  # SOLUTION

# %% [markdown]
# **Claim 4 is true**: C diag(lam)^(l-1) B sums over i, column i of C times row i of B. The report's
# student objected to the transpose. With b_i as a column vector, row i of B is b_i^T, and the notation
# is sound.
#
# **Claim 5 is false.** Row l, column i holds lam_i^(l-1): a (transposed) Vandermonde matrix. A Hankel
# matrix would need lam_{i+1}^(l-1) = lam_i^l. With lam = 2, 3, the row of ones has 1 where the next row
# has 2.
#
# **Claim 6 is false.** The powers are left out: lam^(L-1) takes ceil(log2(L - 1)) levels, since a
# product at most doubles the exponent. Depth is of the order log L + log n; any L >= 3 shows it.
# The model forgets the powers in this step; its own last line has log L + log n.
#
# **Claim 7 is false** for sigma other than 1 (and k >= 1): A^(k+1) = (I + beta_k p p^T)(I + sigma p p^T) adds
# sigma, not 1. With p = 1, sigma = 2, k = 1: A = 3, and the claim gives 1 + 1 = 2. Its own proof, two
# lines below, has sigma. **Claim 8 is true**: sigma ((1 + sigma v)^k - 1) / (sigma v), v = ||p||^2; for
# sigma = 0 both sides are 0.
#
# **Claim 9 is false**: the rule wants beta_{i+j} in order to make it, and then adds to it. The rule that
# merges is beta_i + beta_j + beta_i beta_j v, from (I + beta_i p p^T)(I + beta_j p p^T). With p = 1 and
# i = j = 1: 3 + 1 = 4 instead of 3.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 4
points: 0
hidden: false
success_message: Claim 4 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_4(verdict_4, confidence_4, counterexample_4):
    from labkit.referee import judge

    judge(4, verdict_4, confidence_4, counterexample_4)


test_form_of_4(verdict_4, confidence_4, counterexample_4)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 5
points: 0
hidden: false
success_message: Claim 5 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_5(verdict_5, confidence_5, counterexample_5):
    from labkit.referee import judge

    judge(5, verdict_5, confidence_5, counterexample_5)


test_form_of_5(verdict_5, confidence_5, counterexample_5)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 6
points: 0
hidden: false
success_message: Claim 6 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_6(verdict_6, confidence_6, counterexample_6):
    from labkit.referee import judge

    judge(6, verdict_6, confidence_6, counterexample_6)


test_form_of_6(verdict_6, confidence_6, counterexample_6)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 7
points: 0
hidden: false
success_message: Claim 7 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_7(verdict_7, confidence_7, counterexample_7):
    from labkit.referee import judge

    judge(7, verdict_7, confidence_7, counterexample_7)


test_form_of_7(verdict_7, confidence_7, counterexample_7)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 8
points: 0
hidden: false
success_message: Claim 8 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_8(verdict_8, confidence_8, counterexample_8):
    from labkit.referee import judge

    judge(8, verdict_8, confidence_8, counterexample_8)


test_form_of_8(verdict_8, confidence_8, counterexample_8)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 9
points: 0
hidden: false
success_message: Claim 9 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_9(verdict_9, confidence_9, counterexample_9):
    from labkit.referee import judge

    judge(9, verdict_9, confidence_9, counterexample_9)


test_form_of_9(verdict_9, confidence_9, counterexample_9)

# %%
""" # BEGIN TEST CONFIG
name: claims 4 and 5
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_claims_4_and_5(verdict_4, counterexample_4, verdict_5, counterexample_5):
    from solutions.reference.referee import right

    right(4, verdict_4, counterexample_4)
    right(5, verdict_5, counterexample_5)


test_claims_4_and_5(verdict_4, counterexample_4, verdict_5, counterexample_5)

# %%
""" # BEGIN TEST CONFIG
name: claim 6
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_claim_6(verdict_6, counterexample_6):
    from solutions.reference.referee import right

    right(6, verdict_6, counterexample_6)


test_claim_6(verdict_6, counterexample_6)

# %%
""" # BEGIN TEST CONFIG
name: claims 7 and 8
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_claims_7_and_8(verdict_7, counterexample_7, verdict_8, counterexample_8):
    from solutions.reference.referee import right

    right(7, verdict_7, counterexample_7)
    right(8, verdict_8, counterexample_8)


test_claims_7_and_8(verdict_7, counterexample_7, verdict_8, counterexample_8)

# %%
""" # BEGIN TEST CONFIG
name: claim 9
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_claim_9(verdict_9, counterexample_9):
    from solutions.reference.referee import right

    right(9, verdict_9, counterexample_9)


test_claim_9(verdict_9, counterexample_9)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See both sides of each claim** on your own counterexample.

# %% tags=["otter_ignore"]
with needs("6b"):
    referee.overview(vars(), 4, 5, 6, 7, 8, 9)

# %% [markdown]
# <details><summary>Hint 1: which matrix is it?</summary>
#
# Write out the matrix of claim 5 for two numbers lam and three rows. A Hankel matrix has one value along
# each diagonal that runs from the lower left to the upper right.
# </details>
#
# <details><summary>Hint 2: depth</summary>
#
# How often do you have to multiply to get from lam to lam^8, if several products can be made at a time?
# Is that in the claim's count?
# </details>
#
# <details><summary>Hint 3: sigma, and merging</summary>
#
# Take n = 1, so that p p^T is one number, and k = 1. For claim 9 multiply (I + a p p^T)(I + b p p^T) out.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q6c
# points: 1

# %% [markdown]
# ## 6c · Purification
# 1 point · difficulty 2 of 3 · about 20 minutes
#
# Problem 3, parts b and c. In the log the prompt for 3c asks for the first *two* directions, where the
# sheet has three: so look twice at which of the two a claim is about.
#
# $$\mathcal{L}_2(W) = \|X - W X\|_F^2 + \lambda \|W\|_F^2, \qquad \text{factors} \quad \frac{\sigma_i^2}{\sigma_i^2 + \lambda}$$
#
# ```text
# L2(W) = ||X - W X||_F^2 + lam ||W||_F^2,   factors sigma_i^2 / (sigma_i^2 + lam)
# ```
#
# A right result can stand at the end of a derivation with a wrong step in it, and a wrong result at
# the end of a good one. So judge each claim on its own.
#
# **Claim 10** (from 3b). For any X and any lam > 0, no matrix W has a smaller `L2(W) = ||X - W X||^2
# + lam ||W||^2` than `X X^T (X X^T + lam I)^(-1)`, even where X X^T has no inverse.
#
# - evaluated: L2 of your W against L2 of that matrix
# - a counterexample: `X`: a matrix of up to 3 x 4; `lam`: a number above 0; `W`: a square matrix with
#   as many rows as X. For example `{"X": [[1, 2]], "lam": 1, "W": [[0.5]]}`
#
# **Claim 11** (from 3b). Column by column, `L2(W) = sum over j of (||x_j - W x_j||^2 + (lam / n)
# ||W||^2)`. These n summands have one and the same minimizer, so the W that minimizes any one of them
# minimizes the sum.
#
# - evaluated: the minimizer of summand j against the minimizer of the sum
# - a counterexample: `X`: a matrix of up to 3 x 4, points in columns; `lam`: a number above 0; `j`:
#   the number of a column, counted from 0. For example `{"X": [[1], [2]], "lam": 1, "j": 0}`
#
# **Claim 12** (from 3c). For the singular values 10, 8, 4, 1, 0.5, 0.36, 0.16, 0.01, every lam from 1
# to 4 keeps at least 80% of each of the first **two** directions and at most 50% of each of the
# others. (The question, as it stands in the log, asks for two.)
#
# - evaluated: all eight factors at your lam, which is to be from 1 to 4
# - a counterexample: `lam`: a number from 1 to 4. For example `{"lam": ...}`
#
# **Claim 13** (from 3c). For the same singular values, lam keeps at least 80% of each of the first
# **three** directions and at most 50% of each of the others exactly if it is from 1 to 4.
#
# - evaluated: whether all eight factors are as asked at your lam, against whether it is from 1 to 4
# - a counterexample: `lam`: a number above 0. For example `{"lam": ...}`

# %% [raw]
# # BEGIN SOLUTION

# %%
verdict_10 = True  # SOLUTION
confidence_10 = 0.95  # SOLUTION
counterexample_10 = None  # SOLUTION

verdict_11 = False  # SOLUTION
confidence_11 = 0.9  # SOLUTION
counterexample_11 = {"X": [[1, 0], [0, 1]], "lam": 1, "j": 0}  # SOLUTION

verdict_12 = False  # SOLUTION
confidence_12 = 0.99  # SOLUTION
counterexample_12 = {"lam": 2}  # SOLUTION

verdict_13 = True  # SOLUTION
confidence_13 = 0.95  # SOLUTION
counterexample_13 = None  # SOLUTION

# %% [markdown]
# **Claim 10 is true**: L2 is strictly convex for lam > 0, and its gradient is zero there. X X^T + lam I
# always has an inverse.
#
# **Claim 11 is false.** Each summand depends on the whole of W, but they are not identical: each has its
# own x_j and its own minimizer, x_j x_j^T (x_j x_j^T + (lam / n) I)^(-1). With X = I, lam = 1, j = 0 that
# is diag(2/3, 0), and the sum is least at I / 2. L2 decouples by *rows*: row i of W predicts row i of X.
#
# **Claim 12 is false** for every lam from 1 to 4: the third factor is 16 / (16 + lam), which is 0.8 at
# least. For two directions lam <= 64 / 4 and lam >= 16: the one point 16. **Claim 13 is true**: lam <= 16 / 4
# and lam >= 1.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 10
points: 0
hidden: false
success_message: Claim 10 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_10(verdict_10, confidence_10, counterexample_10):
    from labkit.referee import judge

    judge(10, verdict_10, confidence_10, counterexample_10)


test_form_of_10(verdict_10, confidence_10, counterexample_10)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 11
points: 0
hidden: false
success_message: Claim 11 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_11(verdict_11, confidence_11, counterexample_11):
    from labkit.referee import judge

    judge(11, verdict_11, confidence_11, counterexample_11)


test_form_of_11(verdict_11, confidence_11, counterexample_11)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 12
points: 0
hidden: false
success_message: Claim 12 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_12(verdict_12, confidence_12, counterexample_12):
    from labkit.referee import judge

    judge(12, verdict_12, confidence_12, counterexample_12)


test_form_of_12(verdict_12, confidence_12, counterexample_12)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 13
points: 0
hidden: false
success_message: Claim 13 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_13(verdict_13, confidence_13, counterexample_13):
    from labkit.referee import judge

    judge(13, verdict_13, confidence_13, counterexample_13)


test_form_of_13(verdict_13, confidence_13, counterexample_13)

# %%
""" # BEGIN TEST CONFIG
name: claims 10 and 11
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_claims_10_and_11(verdict_10, counterexample_10, verdict_11, counterexample_11):
    from solutions.reference.referee import right

    right(10, verdict_10, counterexample_10)
    right(11, verdict_11, counterexample_11)


test_claims_10_and_11(verdict_10, counterexample_10, verdict_11, counterexample_11)

# %%
""" # BEGIN TEST CONFIG
name: claims 12 and 13
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_claims_12_and_13(verdict_12, counterexample_12, verdict_13, counterexample_13):
    from solutions.reference.referee import right

    right(12, verdict_12, counterexample_12)
    right(13, verdict_13, counterexample_13)


test_claims_12_and_13(verdict_12, counterexample_12, verdict_13, counterexample_13)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See both sides of each claim** on your own counterexample.

# %% tags=["otter_ignore"]
with needs("6c"):
    referee.overview(vars(), 10, 11, 12, 13)

# %% [markdown]
# <details><summary>Hint 1: one column alone</summary>
#
# Which W is best for one point x alone? It has nothing to say about directions at right angles to x. Take
# two columns that are at right angles to each other.
# </details>
#
# <details><summary>Hint 2: the third direction</summary>
#
# If the first two are kept, the third belongs to "the others". What is its factor at lam = 4?
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q6d
# points: 1

# %% [markdown]
# ## 6d · Ridge attention
# 1 point · difficulty 2 of 3 · about 20 minutes
#
# Problem 4, parts c, f and g. Costs are multiplications: (a, b) times (b, c) makes a b c of them. An order
# of growth, such as O(d^2), cannot fail on an example; so each claim has the constant that the model's own
# steps give.
#
# $$P = (K^\top K + \lambda I)^{-1}, \qquad q_t P_t Z_t, \qquad Z_t = \sum_{i \le t} k_i v_i^\top$$
#
# ```text
# P = (K^T K + lam I)^(-1),   q_t P_t Z_t,   Z_t = sum over i <= t of k_i v_i^T
# K (t, d), q (1, d), P (d, d), Z (d, d); claim 14 has n keys and n queries
# ```
#
# Brackets change no result here, and yet they are most of what there is to know about the cost.
#
# **Claim 14** (from 4c). Where d <= n, a layer of ridge attention that is not causal makes at most `5
# n d^2` multiplications, if inverting a d x d matrix takes d^3: the terms in d^3 do not change the
# order of growth.
#
# - evaluated: the multiplications of K^T K, K^T V, the inverse, its product with K^T V and all
#   queries, against 5 n d^2
# - a counterexample: `n`: a whole number from 1 to 1024; `d`: the same, n at most. For example `{"n":
#   8, "d": 2}`
#
# **Claim 15** (from 4f). Started at `P_0 = I / lam` and updated by `P_t = P_{t-1} - (P_{t-1}
# k_t)(k_t^T P_{t-1}) / (1 + k_t^T P_{t-1} k_t)`, the matrix P_t is the inverse of `lam I + sum over i
# <= t of k_i k_i^T`, for any keys and any lam > 0.
#
# - evaluated: the updates against the inverse
# - a counterexample: `keys`: a matrix of up to 6 x 3, a key in each row; `lam`: a number above 0. For
#   example `{"keys": [[1, 0], [0, 1]], "lam": 1}`
#
# **Claim 16** (from 4f). The output `q_t (P_t Z_t)`, computed as the brackets stand, costs no more
# than products of a matrix and a vector do: `2 d^2` multiplications for q (1, d), P (d, d), Z (d, d).
#
# - evaluated: the multiplications of P Z, and of q times it, against 2 d^2
# - a counterexample: `d`: a whole number from 1 to 1024. For example `{"d": 1}`
#
# **Claim 17** (from 4g). Once `P = (K^T K + lam I)^(-1)` is stored, the weights `q P K^T` of one more
# query over t keys cost no more than `2 t d` multiplications: linear in d.
#
# - evaluated: the multiplications of q P K^T in the cheaper order, against 2 t d
# - a counterexample: `t`: a whole number from 1 to 1024; `d`: the same. For example `{"t": 8, "d":
#   2}`

# %% [raw]
# # BEGIN SOLUTION

# %%
verdict_14 = True  # SOLUTION
confidence_14 = 0.85  # SOLUTION
counterexample_14 = None  # SOLUTION

verdict_15 = True  # SOLUTION
confidence_15 = 0.95  # SOLUTION
counterexample_15 = None  # SOLUTION

verdict_16 = False  # SOLUTION
confidence_16 = 0.95  # SOLUTION
counterexample_16 = {"d": 2}  # SOLUTION

verdict_17 = False  # SOLUTION
confidence_17 = 0.8  # SOLUTION
counterexample_17 = {"t": 2, "d": 3}  # SOLUTION

# %% [markdown]
# **Claim 14 is true**: 3 n d^2 + 2 d^3 <= 5 n d^2 where d <= n.
#
# **Claim 15 is true**: Sherman-Morrison; P is positive definite, so the denominator is above 1.
#
# **Claim 16 is false**: P Z is a product of two matrices, d^3, where (q P) Z is 2 d^2. With d = 2: 12
# against 8. The model called the whole step O(d^2); that is true of the other order.
#
# **Claim 17 is false** where d > t: q P alone makes d^2, so the cost is d^2 + t d. In causal attention
# every early position has t < d. With t = 2 and d = 3: 15 against 12. (If P K^T is stored instead of P, it is
# t d.)

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 14
points: 0
hidden: false
success_message: Claim 14 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_14(verdict_14, confidence_14, counterexample_14):
    from labkit.referee import judge

    judge(14, verdict_14, confidence_14, counterexample_14)


test_form_of_14(verdict_14, confidence_14, counterexample_14)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 15
points: 0
hidden: false
success_message: Claim 15 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_15(verdict_15, confidence_15, counterexample_15):
    from labkit.referee import judge

    judge(15, verdict_15, confidence_15, counterexample_15)


test_form_of_15(verdict_15, confidence_15, counterexample_15)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 16
points: 0
hidden: false
success_message: Claim 16 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_16(verdict_16, confidence_16, counterexample_16):
    from labkit.referee import judge

    judge(16, verdict_16, confidence_16, counterexample_16)


test_form_of_16(verdict_16, confidence_16, counterexample_16)

# %%
""" # BEGIN TEST CONFIG
name: the answer to claim 17
points: 0
hidden: false
success_message: Claim 17 is answered, and in good form. Hidden checks decide whether rightly.
"""  # END TEST CONFIG


def test_form_of_17(verdict_17, confidence_17, counterexample_17):
    from labkit.referee import judge

    judge(17, verdict_17, confidence_17, counterexample_17)


test_form_of_17(verdict_17, confidence_17, counterexample_17)

# %%
""" # BEGIN TEST CONFIG
name: claims 14 and 17
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_claims_14_and_17(verdict_14, counterexample_14, verdict_17, counterexample_17):
    from solutions.reference.referee import right

    right(14, verdict_14, counterexample_14)
    right(17, verdict_17, counterexample_17)


test_claims_14_and_17(verdict_14, counterexample_14, verdict_17, counterexample_17)

# %%
""" # BEGIN TEST CONFIG
name: claims 15 and 16
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_claims_15_and_16(verdict_15, counterexample_15, verdict_16, counterexample_16):
    from solutions.reference.referee import right

    right(15, verdict_15, counterexample_15)
    right(16, verdict_16, counterexample_16)


test_claims_15_and_16(verdict_15, counterexample_15, verdict_16, counterexample_16)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See both sides of each claim** on your own counterexample.

# %% tags=["otter_ignore"]
with needs("6d"):
    referee.overview(vars(), 14, 15, 16, 17)

# %% [markdown]
# <details><summary>Hint 1: brackets</summary>
#
# What shape has P Z? How many multiplications does each of its entries take?
# </details>
#
# <details><summary>Hint 2: one more query</summary>
#
# q P K^T is two products. Which of them does the claim count? When is the other one the larger?
# </details>

# %% [markdown]
# ## What you found
#
# Were you as sure as you were right? For each claim the picture has the probability that you gave
# to its being true: your confidence if your verdict is True, and 1 minus your confidence if it is
# False. Bars are claims that stand. The **Brier score** is the mean of (probability - outcome)^2,
# with outcome 1 for a claim that stands and 0 for one refuted: 0 is perfect, a coin has 0.25. What
# it punishes is not doubt but certainty in the wrong place.
#
# Nobody tells this picture which claims are true. It knows those that *your counterexamples* have
# refuted, and lets the others stand, as science does. So the score is only as good as your
# refutations: a false claim that you let stand counts as true here, and whoever believes everything
# with confidence 1 sees 0.00. The hidden checks are stricter. Beside you is the student of the
# report, who gave words and no numbers: we read "good" as 0.9, praise as 0.95, silence as 0.5, an
# objection as 0.4 or 0.6.

# %% tags=["otter_ignore"]
with needs("6a", "6b", "6c", "6d"):
    calibration.figure(vars())

# %% [markdown]
# ## Beyond
#
# **Ask a model of your own**, any model. Give it the text of a problem from the folder `problems`:
# it pastes without losing a sign. The prompts in the log had lost many symbols (lambda, minus
# signs, transposes, 2N for 2^N), and the model repaired most of them without a word. That calls for
# care, not gratitude: what is repaired in silence may also be *changed* in silence. Then judge what
# comes back before you believe it, and keep a record: prompt, response, verdict, and how well it
# read. Being right and reading well do not go together as often as one thinks. The form keeps each
# entry as a line of `model_log.jsonl`, beside this notebook.

# %% tags=["otter_ignore"]
log.form()

# %% tags=["otter_ignore"]
log.overview()

# %% [markdown]
# **Have its code graded.** Save the model's answer to one problem as it came, its code in fenced blocks
# (three backticks and `python`), as a file such as `answers.md`. Such a file is a submission like any
# notebook. Whoever has the autograder grades it with `autograder grade answers.md --out grades`: the
# blocks run in the sandbox and go through the same hidden checks as yours, part by part. Without it,
# paste the blocks into a copy of the problem's notebook and run `grader.check` there. Read the code
# before you run it.
#
# **Going further.** Which of the slips would *you* have noticed by reading? The claims about cost
# have no equation that could look wrong, and nobody stumbled over them. A habit worth having: put
# the smallest sizes that are not 1 into every formula you are given.
