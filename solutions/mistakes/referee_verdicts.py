"""Wrong verdicts on the model's claims: each as a function of nothing that returns it.

`fails` names the hidden check that is lost by it; all others stay.
"""

from autograder.diagnosis import mistake


@mistake(
    "verdict_1",
    "claim 1 is true: by induction, A times the sum for k, plus B u_k, is the sum for k + 1",
    fails=("q6a: claims 1 and 2",),
)
def states_doubted():
    return False


@mistake(
    "verdict_2",
    "claim 2 is false: exponents add up in the prefixes of I, A, A^2, A^3, so they are I, A, A^3, "
    "A^6; a scan over A, A, A, ... gives the powers",
    fails=("q6a: claims 1 and 2",),
)
def scan_of_powers_believed():
    return True


@mistake(
    "verdict_3",
    "claim 3 is false: only A^(l-1) B is needed, so no n x n matrix has to be multiplied by "
    "another; compare L n^3 with the work of your kernel in 1a at small m and r",
    fails=("q6a: claim 3",),
)
def optimal_work_believed():
    return True


@mistake(
    "verdict_4",
    "claim 4 is true: A^(l-1) is diagonal, and a product of matrices is the sum over i of column "
    "i times row i; row i of B is b_i^T where b_i is a column",
    fails=("q6b: claims 4 and 5",),
)
def sum_over_states_doubted():
    return False


@mistake(
    "verdict_5",
    "claim 5 is false: with powers of lam_i in column i the matrix is Vandermonde's; its first row "
    "is all ones, and a Hankel matrix would carry them on down the diagonals",
    fails=("q6b: claims 4 and 5",),
)
def hankel_believed():
    return True


@mistake(
    "verdict_6",
    "claim 6 is false: the powers lam_i^(L-1) are left out of its count, and a product at most "
    "doubles an exponent, so they alone take log2(L - 1) levels",
    fails=("q6b: claim 6",),
)
def depth_believed():
    return True


@mistake(
    "verdict_7",
    "claim 7 is false: (I + beta p p^T)(I + sigma p p^T) adds sigma in each step and not 1; see "
    "k = 1, where beta_1 has to be sigma",
    fails=("q6b: claims 7 and 8",),
)
def recurrence_believed():
    return True


@mistake(
    "verdict_8",
    "claim 8 is true: beta_k is sigma times a geometric series with the ratio 1 + sigma ||p||^2, "
    "and that sigma cancels against the one in ratio - 1",
    fails=("q6b: claims 7 and 8",),
)
def closed_form_doubted():
    return False


@mistake(
    "verdict_9",
    "claim 9 is false: the rule adds to beta_{i+j}, which it is to make; multiplying out, the "
    "merged entry is beta_i + beta_j + beta_i beta_j ||p||^2",
    fails=("q6b: claim 9",),
)
def merge_believed():
    return True


@mistake(
    "verdict_10",
    "claim 10 is true: for lam > 0 the loss is strictly convex in W, its gradient is zero at that "
    "matrix, and X X^T + lam I always has an inverse",
    fails=("q6c: claims 10 and 11",),
)
def least_loss_doubted():
    return False


@mistake(
    "verdict_11",
    "claim 11 is false: each summand has its own x_j and so its own minimizer, which keeps the "
    "direction of x_j alone; the loss decouples by rows of W, not by columns of X",
    fails=("q6c: claims 10 and 11",),
)
def summands_believed():
    return True


@mistake(
    "verdict_12",
    "claim 12 is false: kept are the first two, so the third is to be halved, and its factor 16 / "
    "(16 + lam) is 0.8 at least for lam up to 4",
    fails=("q6c: claims 12 and 13",),
)
def window_of_two_believed():
    return True


@mistake(
    "verdict_13",
    "claim 13 is true: sigma = 4 keeps 0.8 exactly up to lam = 4, and sigma = 1 is halved exactly "
    "from lam = 1 on; the others are easier",
    fails=("q6c: claims 12 and 13",),
)
def window_of_three_doubted():
    return False


@mistake(
    "verdict_14",
    "claim 14 is true: 3 n d^2 + 2 d^3 is 5 n d^2 at most where d <= n",
    fails=("q6d: claims 14 and 17",),
)
def layer_doubted():
    return False


@mistake(
    "verdict_15",
    "claim 15 is true: it is the Sherman-Morrison formula, and its denominator is above 1 since P "
    "is positive definite",
    fails=("q6d: claims 15 and 16",),
)
def updated_inverse_doubted():
    return False


@mistake(
    "verdict_16",
    "claim 16 is false: P Z is a product of two d x d matrices, which makes d^3 multiplications; "
    "only (q P) Z gets by with vectors",
    fails=("q6d: claims 15 and 16",),
)
def order_believed():
    return True


@mistake(
    "verdict_17",
    "claim 17 is false: q P makes d^2 multiplications before K^T comes in, and where d > t they "
    "are more than the t d that are left",
    fails=("q6d: claims 14 and 17",),
)
def further_query_believed():
    return True
