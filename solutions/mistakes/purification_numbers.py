"""Wrong results by hand (3a and 3c): numbers, each as a function of nothing that returns them.

`fails` names the hidden checks that are lost by it; all others stay.
"""

from autograder.diagnosis import mistake

ALPHA = ("q3a: the losses of alpha",)
BETA = ("q3a: the losses of beta",)
THRESHOLD = ("q3a: the lam where beta takes over",)
WINDOW = ("q3c: the window by hand",)

ROOTS = "your losses are norms and not their squares: the square root is one too many"
MEANS = "your losses are means of squares: the Frobenius norm sums them up"
ORDER = "your losses are in the other order: reconstruction comes first"


@mistake("alpha_losses", ROOTS, fails=ALPHA)
def alpha_not_squared():
    return (0, 2**0.5)


@mistake("alpha_losses", MEANS, fails=ALPHA)
def alpha_means():
    return (0, 0.5)


@mistake("alpha_losses", ORDER, fails=ALPHA)
def alpha_swapped():
    return (2, 0)


@mistake(
    "alpha_losses",
    "your regularization loss is the largest singular value of W: the Frobenius norm counts both",
    fails=ALPHA,
)
def alpha_spectral():
    return (0, 1)


@mistake(
    "alpha_losses",
    "your regularization loss counts all four entries of W: two of them are 0",
    fails=ALPHA,
)
def alpha_counts_entries():
    return (0, 4)


@mistake("beta_losses", ROOTS, fails=BETA)
def beta_not_squared():
    return (0.001**0.5, 1)


@mistake("beta_losses", MEANS, fails=BETA)
def beta_means():
    return (0.001 / 8, 0.25)


@mistake("beta_losses", ORDER, fails=BETA)
def beta_swapped():
    return (1, 0.001)


@mistake(
    "beta_losses",
    "your reconstruction loss sums up magnitudes of the second feature: square each first",
    fails=BETA,
)
def beta_magnitudes():
    return (0.06, 1)


@mistake(
    "beta_losses",
    "your reconstruction loss is the size of W X, the feature that is kept: what is lost counts, "
    "X - W X",
    fails=BETA,
)
def beta_what_is_kept():
    return (18.5583, 1)


@mistake(
    "beta_losses",
    "your reconstruction loss is divided by the number of points: the sum over all four is asked "
    "for",
    fails=BETA,
)
def beta_per_point():
    return (0.001 / 4, 1)


@mistake(
    "lambda_threshold",
    "your threshold is the other way up: 2 lam = 0.001 + lam has lam on top",
    fails=THRESHOLD,
)
def threshold_inverted():
    return 1000.0


@mistake(
    "lambda_threshold",
    "your threshold leaves out beta's own weights: its loss is 0.001 + lam, not 0.001",
    fails=THRESHOLD,
)
def threshold_without_betas_weights():
    return 0.0005


@mistake(
    "lambda_threshold",
    "your threshold adds alpha's and beta's weights: take everything with lam to one side, 2 lam "
    "- lam",
    fails=THRESHOLD,
)
def threshold_weights_added():
    return 0.001 / 3


@mistake(
    "lambda_threshold",
    "your threshold comes from norms that are not squared: the losses are 0.001 and 1 for beta, 2 "
    "for alpha",
    fails=THRESHOLD,
)
def threshold_from_norms():
    return 0.001**0.5 / (2**0.5 - 1)


@mistake(
    "lambda_threshold",
    "your threshold has the wrong sign: alpha's weights are the larger ones, and lam is above 0",
    fails=THRESHOLD,
)
def threshold_negative():
    return -0.001


@mistake(
    "answer_3c",
    "your window is that of the first two directions: three are asked for",
    fails=WINDOW,
)
def window_of_two():
    return (16, 16)


@mistake("answer_3c", "your window has its ends in the other order: low comes first", fails=WINDOW)
def window_swapped():
    return (4, 1)


@mistake(
    "answer_3c",
    "your window is that of singular values which are not squared: the factor is sigma^2 / "
    "(sigma^2 + lam)",
    fails=WINDOW,
)
def window_not_squared():
    return (1, 1)


@mistake(
    "answer_3c",
    "your lower end allows 0.6 of the fourth direction: at most 50% is to be left",
    fails=WINDOW,
)
def window_with_sixty_percent():
    return (2 / 3, 4)


@mistake(
    "answer_3c",
    "your window bounds lam from above only: the other directions are to be dimmed, too",
    fails=WINDOW,
)
def window_without_the_rest():
    return (0, 4)


@mistake(
    "answer_3c",
    "your window bounds lam from below only: the first directions are to be kept, too",
    fails=WINDOW,
)
def window_without_the_kept():
    return (1, float("inf"))


@mistake(
    "answer_3c",
    "your upper end has 0.8 / 0.2 the other way up: sigma^2 / (sigma^2 + lam) >= 0.8 where lam <= "
    "sigma^2 (0.2 / 0.8)",
    fails=WINDOW,
)
def window_ratio_inverted():
    return (1, 64)
