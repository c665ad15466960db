"""Wrong running means (4a), each a mistake that is really made.

Each replaces `running_mean` in a submission, and nothing else. `fails` names the hidden checks that
are lost by it; all others stay.
"""

from autograder.diagnosis import mistake

NUMBERS = "q4a: numbers, from the first one on"
VECTORS = "q4a: vectors, inputs left alone"
ALL = (NUMBERS, VECTORS)


@mistake(
    "running_mean",
    "the values are right, and the call changes one of its inputs: `+=`, `*=` and `/=` work in "
    "place",
    fails=(VECTORS,),
)
def mean_in_place(m, x_new, n):
    m *= n
    m += x_new
    m /= n + 1
    return m


@mistake(
    "running_mean",
    "your average divides by n: with the new point there are n + 1",
    fails=ALL,
)
def divided_by_n(m, x_new, n):
    return (m * n + x_new) / n


@mistake(
    "running_mean",
    "your average is halfway between the old one and the new point: the old one stands for n "
    "points",
    fails=ALL,
)
def halfway(m, x_new, n):
    return (m + x_new) / 2


@mistake(
    "running_mean",
    "your average adds the new point to the old average: multiply that by n first, to have the sum",
    fails=ALL,
)
def not_multiplied_by_n(m, x_new, n):
    return (m + x_new) / (n + 1)


@mistake(
    "running_mean",
    "your result is the sum of all points: divide it by n + 1",
    fails=ALL,
)
def sum_not_divided(m, x_new, n):
    return m * n + x_new


@mistake(
    "running_mean",
    "your average counts the new point among the n: those came before it, so there are n + 1",
    fails=ALL,
)
def new_point_among_the_n(m, x_new, n):
    return (m * (n - 1) + x_new) / n


@mistake(
    "running_mean",
    "your average counts one point too many: n are in m, and one is new",
    fails=ALL,
)
def one_point_too_many(m, x_new, n):
    return (m * (n + 1) + x_new) / (n + 2)


@mistake(
    "running_mean",
    "your average multiplies m by n + 1: the sum of the first n points is m n",
    fails=ALL,
)
def multiplied_by_n_plus_one(m, x_new, n):
    return (m * (n + 1) + x_new) / (n + 1)


@mistake(
    "running_mean",
    "your average divides only the new point by n + 1: put the sum in brackets",
    fails=ALL,
)
def brackets_missing(m, x_new, n):
    return m * n + x_new / (n + 1)


@mistake(
    "running_mean",
    "your average forgets: it takes a tenth of each new point, where all n + 1 points count the "
    "same",
    fails=ALL,
)
def forgetting_mean(m, x_new, n):
    return 0.9 * m + 0.1 * x_new


@mistake(
    "running_mean",
    "your average loses its fraction: `//` rounds down, `/` divides",
    fails=ALL,
)
def rounded_down(m, x_new, n):
    return (m * n + x_new) // (n + 1)


@mistake(
    "running_mean",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def mean_not_returned(m, x_new, n):
    m = (m * n + x_new) / (n + 1)
