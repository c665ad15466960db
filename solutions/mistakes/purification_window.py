"""Wrong windows of lam (3c), each a mistake that is really made.

Each replaces `lambda_window` in a submission, and nothing else. It uses its arguments and Python.
`fails` names the hidden checks that are lost by it; all others stay.
"""

from autograder.diagnosis import mistake

ANY = "q3c: the window for any number of directions"
ENDS = "q3c: nothing kept, and everything"
CLOSED = "q3c: None where there is no window, a point where it closes"
SHARES = "q3c: other shares, inputs left alone"
ALL = (ANY, ENDS, CLOSED, SHARES)


@mistake(
    "lambda_window",
    "the values are right, and the call changes its singular values: `**=`, `*=` and others work "
    "in place",
    fails=(SHARES,),
)
def squared_in_place(s, keep, a=0.8, b=0.5):
    s **= 2
    high = float(s[keep - 1]) * (1 - a) / a if keep > 0 else float("inf")
    low = float(s[keep]) * (1 - b) / b if keep < len(s) else 0.0
    return (low, high) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your window is lost where it is a single point: rounding puts its ends in the wrong order by "
    "the last digit, so allow for that",
    fails=(CLOSED,),
)
def compared_to_the_last_digit(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * (1 - a) / a if keep > 0 else float("inf")
    low = float(s[keep]) ** 2 * (1 - b) / b if keep < len(s) else 0.0
    return (low, high) if low <= high else None


@mistake(
    "lambda_window",
    "your window comes back where there is none: if low is above high, return None",
    fails=(CLOSED,),
)
def None_never_returned(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * (1 - a) / a if keep > 0 else float("inf")
    low = float(s[keep]) ** 2 * (1 - b) / b if keep < len(s) else 0.0
    return low, high


@mistake(
    "lambda_window",
    "your window has its ends sorted, so there always seems to be one: where low is above high "
    "there is none",
    fails=(CLOSED,),
)
def ends_sorted(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * (1 - a) / a if keep > 0 else float("inf")
    low = float(s[keep]) ** 2 * (1 - b) / b if keep < len(s) else 0.0
    return min(low, high), max(low, high)


@mistake(
    "lambda_window",
    "your window has its ends in the other order: low comes first",
    fails=(ANY, ENDS, SHARES),  # a single point has no order
)
def ends_swapped(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * (1 - a) / a if keep > 0 else float("inf")
    low = float(s[keep]) ** 2 * (1 - b) / b if keep < len(s) else 0.0
    return (high, low) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your window does not square the singular values: the factor is sigma^2 / (sigma^2 + lam)",
    fails=ALL,
)
def values_not_squared(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) * (1 - a) / a if keep > 0 else float("inf")
    low = float(s[keep]) * (1 - b) / b if keep < len(s) else 0.0
    return (low, high) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your window is one for sqrt(lam): solve for lam itself",
    fails=ALL,
)
def root_of_lam(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * (1 - a) / a if keep > 0 else float("inf")
    low = float(s[keep]) ** 2 * (1 - b) / b if keep < len(s) else 0.0
    return (low**0.5, high**0.5) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your window keeps one direction too many: the last of the first `keep` has the index keep - 1",
    fails=ALL,
)
def one_direction_too_many(s, keep, a=0.8, b=0.5):
    high = float(s[min(keep, len(s) - 1)]) ** 2 * (1 - a) / a
    low = float(s[keep + 1]) ** 2 * (1 - b) / b if keep + 1 < len(s) else 0.0
    return (low, high) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your window keeps one direction too few: `keep` counts directions, from 1",
    fails=ALL,
)
def one_direction_too_few(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 2]) ** 2 * (1 - a) / a if keep > 1 else float("inf")
    low = float(s[max(keep - 1, 0)]) ** 2 * (1 - b) / b
    return (low, high) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your upper end has (1 - a) / a the other way up: sigma^2 / (sigma^2 + lam) >= a where lam <= "
    "sigma^2 (1 - a) / a",
    fails=ALL,
)
def upper_ratio_inverted(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * a / (1 - a) if keep > 0 else float("inf")
    low = float(s[keep]) ** 2 * (1 - b) / b if keep < len(s) else 0.0
    return (low, high) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your lower end has (1 - b) / b the other way up: at b = 0.5 that is the same, and elsewhere "
    "it is not",
    fails=(SHARES,),
)
def lower_ratio_inverted(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * (1 - a) / a if keep > 0 else float("inf")
    low = float(s[keep]) ** 2 * b / (1 - b) if keep < len(s) else 0.0
    return (low, high) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your lower end leaves out (1 - b) / b, which is 1 at b = 0.5 only",
    fails=(SHARES,),
)
def lower_share_left_out(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * (1 - a) / a if keep > 0 else float("inf")
    low = float(s[keep]) ** 2 if keep < len(s) else 0.0
    return (low, high) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your window always takes 80% and 50%: the shares are arguments",
    fails=(SHARES,),
)
def shares_ignored(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * (1 - 0.8) / 0.8 if keep > 0 else float("inf")
    low = float(s[keep]) ** 2 * (1 - 0.5) / 0.5 if keep < len(s) else 0.0
    return (low, high) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your window has the two shares the wrong way round: `keep_at_least` belongs to the first "
    "directions, `rest_at_most` to the others",
    fails=ALL,
)
def shares_swapped(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * (1 - b) / b if keep > 0 else float("inf")
    low = float(s[keep]) ** 2 * (1 - a) / a if keep < len(s) else 0.0
    return (low, high) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your window lets the strongest direction decide what is kept: the weakest of the first "
    "`keep` is the critical one",
    fails=ALL,
)
def strongest_kept_decides(s, keep, a=0.8, b=0.5):
    high = float(s[0]) ** 2 * (1 - a) / a if keep > 0 else float("inf")
    low = float(s[keep]) ** 2 * (1 - b) / b if keep < len(s) else 0.0
    return (low, high) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your window lets the weakest of the others decide: the strongest of them is the critical one",
    fails=ALL,
)
def weakest_of_the_rest_decides(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * (1 - a) / a if keep > 0 else float("inf")
    low = float(s[-1]) ** 2 * (1 - b) / b if keep < len(s) else 0.0
    return (low, high) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your window has an upper end although nothing is to be kept: at keep = 0 the index keep - 1 "
    "is -1, the last of all",
    fails=(ENDS,),
)
def index_minus_one(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * (1 - a) / a
    low = float(s[keep]) ** 2 * (1 - b) / b if keep < len(s) else 0.0
    return (low, high) if low < high * (1 + 1e-9) else None


@mistake(
    "lambda_window",
    "your window has a lower end although everything is to be kept: nothing is left to be dimmed, "
    "and low is 0",
    fails=(ENDS,),
)
def last_value_for_the_rest(s, keep, a=0.8, b=0.5):
    high = float(s[keep - 1]) ** 2 * (1 - a) / a if keep > 0 else float("inf")
    low = float(s[min(keep, len(s) - 1)]) ** 2 * (1 - b) / b
    return (low, high) if low < high * (1 + 1e-9) else None
