"""Wrong results by hand (1b): numbers, each as a function of nothing that returns them.

`fails` names the hidden checks that are lost by it; all others stay.
"""

from autograder.diagnosis import mistake

SCALAR = ("q1b: the scalar kernel",)
MATRIX = ("q1b: the 2 x 2 kernel",)

NO_D = "your kernel has no D in it: K_0 is D, which is 0 here, and C B comes after it"
LATE = "your kernel has one power of A too many in each number: K_1 is C B, without A"


@mistake("scalar_kernel", NO_D, fails=SCALAR)
def scalar_without_D():
    return [1.5, 1.2, 0.96, 0.768, 0.6144]


@mistake("scalar_kernel", LATE, fails=SCALAR)
def scalar_with_a_power_too_many():
    return [0, 1.2, 0.96, 0.768, 0.6144]


@mistake("scalar_kernel", "your kernel leaves out C: every number is 1.5 times that", fails=SCALAR)
def scalar_without_C():
    return [0, 1, 0.8, 0.64, 0.512]


@mistake(
    "scalar_kernel",
    "your kernel has L numbers: from K_0 to K_L there is one more",
    fails=SCALAR,
)
def scalar_one_short():
    return [0, 1.5, 1.2, 0.96]


@mistake(
    "scalar_kernel",
    "your numbers are the output for a constant input, which adds up the kernel",
    fails=SCALAR,
)
def scalar_step_response():
    return [0, 1.5, 2.7, 3.66, 4.428]


@mistake("matrix_kernel", NO_D, fails=MATRIX)
def matrix_without_D():
    return [1, 0.7, 0.51, 0.383]


@mistake("matrix_kernel", LATE, fails=MATRIX)
def matrix_with_a_power_too_many():
    return [0, 0.7, 0.51, 0.383]


@mistake(
    "matrix_kernel",
    "your last number squares the entry 0.7 of A: the entry of A A is a row times a column",
    fails=MATRIX,
)
def matrix_entries_squared():
    return [0, 1, 0.7, 0.49]


@mistake(
    "matrix_kernel",
    "your kernel has L numbers: from K_0 to K_L there is one more",
    fails=MATRIX,
)
def matrix_one_short():
    return [0, 1, 0.7]
