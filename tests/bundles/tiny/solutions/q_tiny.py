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
# export_cell: false
# tests:
#   ok_format: false

# %% [markdown]
# # A very small notebook
#
# It asks for one function and for one sentence, so that a test of the grader is quick.

# %%
import torch

# %% [raw]
# # BEGIN QUESTION
# name: q1a
# points: 3

# %% [markdown]
# ## 1a · The mean of squares
#
# (3 points.) For a tensor `x` of any shape, return the mean of the squares of its entries.

# %% [raw]
# # BEGIN SOLUTION


# %%
def mean_square(x):
    """The mean of x_i^2 over all entries of x (any shape), as a 0-d tensor.

    >>> mean_square(torch.tensor([1.0, 3.0]))
    tensor(5.)
    """
    # BEGIN SOLUTION
    flattened = x.reshape(-1)
    return torch.dot(flattened, flattened) / flattened.numel()
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: two numbers
points: 1
"""  # END TEST CONFIG


def test_two_numbers(mean_square):
    from labkit.checks import same

    import torch

    same(mean_square(torch.tensor([1.0, 3.0])), 5.0, rtol=1e-6, show=True)


test_two_numbers(mean_square)

# %%
""" # BEGIN TEST CONFIG
name: right for any shape
points: 2
hidden: true
"""  # END TEST CONFIG


def test_any_shape(mean_square):
    from labkit.checks import generator, same
    from solutions.reference import tiny

    import torch

    for shape in ((1,), (7,), (2, 3, 4)):
        secret_input = torch.randn(shape, generator=generator("any shape", shape))
        same(mean_square(secret_input), tiny.mean_square(secret_input), rtol=1e-5, about=f"{shape}")


test_any_shape(mean_square)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q1b_1
# manual: true
# points: 2

# %% [markdown]
# ## 1b · Why squares?
#
# (2 points.) In one sentence: what does the mean of the squares tell that the mean does not?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# Entries of opposite sign cancel in the mean and add up in the mean of the squares.
#
# Rubric: one point for naming the cancellation, one for naming what the squares measure.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
