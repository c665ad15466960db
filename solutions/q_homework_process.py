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
# name: q_homework_process
# init_cell: true
# tests:
#   files: false
#   ok_format: false

# %% [markdown]
# # Homework process and study group
#
# Problem 5 · no points, for completion · about five minutes
#
# Three questions about how you worked. Naming sources and the people you worked with is part of every
# piece of scholarly work, and it costs you nothing here: what you write has no influence on your score.
#
# **Who reads it.** The checks below see whether something is written, and not what. Sources and
# collaborators stay in your notebook: no report, feedback page or table of grades repeats them.
# Your instructors see how the hours are spread over the class, so that they can change what takes
# too long.

# %%
from labkit import process


# %% [raw]
# # BEGIN QUESTION
# name: q5a
# points: 0

# %% [markdown]
# ## 5a · Sources
# no points · difficulty 1 of 3 · about 2 minutes
#
# What sources, if any, did you use as you worked through the homework? Books, papers, pages, lecture notes,
# and models that you asked: a word on what each was for helps most. If there are none, write "none".

# %% [raw]
# # BEGIN SOLUTION

# %%
sources = "none"  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: something is told
points: 0
hidden: false
success_message: Thank you.
"""  # END TEST CONFIG


def test_sources(sources):
    from labkit.process import told

    told(sources)


test_sources(sources)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q5b
# points: 0

# %% [markdown]
# ## 5b · Collaborators
# no points · difficulty 1 of 3 · about 1 minute
#
# If you worked with others, with whom? Names and student IDs; for a homework party, a description of the
# group will do. If you worked alone, write "none".

# %% [raw]
# # BEGIN SOLUTION

# %%
collaborators = "none"  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: something is told
points: 0
hidden: false
success_message: Thank you.
"""  # END TEST CONFIG


def test_collaborators(collaborators):
    from labkit.process import told

    told(collaborators)


test_collaborators(collaborators)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q5c
# points: 0

# %% [markdown]
# ## 5c · Hours
# no points · difficulty 1 of 3 · about 1 minute
#
# Roughly how many hours did you work on this homework, all in all? A number, such as 15.5.

# %% [raw]
# # BEGIN SOLUTION

# %%
hours = 15.5  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: a number of hours
points: 0
hidden: false
success_message: Thank you.
"""  # END TEST CONFIG


def test_hours(hours):
    from labkit.process import hours_told

    hours_told(hours)


test_hours(hours)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# ## What you told us
#
# As your instructors' checks see it:

# %% tags=["otter_ignore"]
process.overview(vars())
