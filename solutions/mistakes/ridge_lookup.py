"""Wrong attention weights (4g), each a mistake that is really made.

Each replaces `ridge_attention_weights` in a submission, and nothing else. It uses its arguments and
torch. `fails` names the hidden checks that are lost by it; all others stay.
"""

import torch
import torch.nn.functional as F

from autograder.diagnosis import mistake

MANY = "q4g: more pairs than entries"
FEW = "q4g: fewer pairs than entries"
LAM = "q4g: lam from 0.001 to 100"
DOUBLE = "q4g: the digits of float64, inputs left alone"
ALL = (MANY, FEW, LAM, DOUBLE)


@mistake(
    "ridge_attention_weights",
    "the values are right, and the call changes the shape of one of its inputs: `unsqueeze_` "
    "works in place, `unsqueeze` and `q[:, None]` do not",
    fails=(DOUBLE,),
)
def q_made_a_column_in_place(q, K, lam):
    M = lam * torch.eye(K.shape[1], dtype=K.dtype) + K.T @ K
    return (K @ torch.linalg.solve(M, q.unsqueeze_(1))).squeeze(1)


@mistake(
    "ridge_attention_weights",
    "your weights are right to about seven digits: `torch.eye(d)` is float32, and lam is rounded "
    "in it, where `torch.eye(d, dtype=K.dtype)` goes with K",
    fails=(DOUBLE,),
)
def weights_without_dtype(q, K, lam):
    return K @ torch.linalg.solve(K.T @ K + lam * torch.eye(K.shape[1]), q)


@mistake(
    "ridge_attention_weights",
    "your weights are those of least squares: lam is not in them",
    fails=ALL,
)
def weights_without_lam(q, K, lam):
    return torch.linalg.pinv(K.T) @ q


@mistake(
    "ridge_attention_weights",
    "your weights are those of lam squared: the ridge itself is added to the diagonal",
    fails=ALL,
)
def weights_with_lam_squared(q, K, lam):
    return K @ torch.linalg.solve(lam**2 * torch.eye(K.shape[1], dtype=K.dtype) + K.T @ K, q)


@mistake(
    "ridge_attention_weights",
    "your weights are those of lam times n: lam stands beside sums over the pairs, not means",
    fails=ALL,
)
def weights_with_lam_times_n(q, K, lam):
    n = len(K)
    return K @ torch.linalg.solve(n * lam * torch.eye(K.shape[1], dtype=K.dtype) + K.T @ K, q)


@mistake(
    "ridge_attention_weights",
    "your weights are n times too large and have lam times n in them: K^T K is a sum, not a mean",
    fails=ALL,
)
def mean_of_outer_products(q, K, lam):
    return K @ torch.linalg.solve(lam * torch.eye(K.shape[1], dtype=K.dtype) + K.T @ K / len(K), q)


@mistake(
    "ridge_attention_weights",
    "there is a softmax over your weights: they are taken as they are, of either sign",
    fails=ALL,
)
def weights_through_a_softmax(q, K, lam):
    M = lam * torch.eye(K.shape[1], dtype=K.dtype) + K.T @ K
    return torch.softmax(K @ torch.linalg.solve(M, q), 0)


@mistake(
    "ridge_attention_weights",
    "your weights are those of softmax attention",
    fails=ALL,
)
def softmax_weights(q, K, lam):
    return torch.softmax(K @ q / K.shape[1] ** 0.5, 0)


@mistake(
    "ridge_attention_weights",
    "your weights are made to add up to one: ridge attention takes them as they are",
    fails=ALL,
)
def weights_adding_up_to_one(q, K, lam):
    a = K @ torch.linalg.solve(lam * torch.eye(K.shape[1], dtype=K.dtype) + K.T @ K, q)
    return a / a.sum()


@mistake(
    "ridge_attention_weights",
    "your weights have lost their sign: a value may count negatively",
    fails=ALL,
)
def sign_of_weights_lost(q, K, lam):
    return (K @ torch.linalg.solve(lam * torch.eye(K.shape[1], dtype=K.dtype) + K.T @ K, q)).abs()


@mistake(
    "ridge_attention_weights",
    "your weights are cut off at zero: a value may count negatively",
    fails=ALL,
)
def negative_weights_cut_off(q, K, lam):
    return F.relu(K @ torch.linalg.solve(lam * torch.eye(K.shape[1], dtype=K.dtype) + K.T @ K, q))


@mistake(
    "ridge_attention_weights",
    "your weights are the inner products <q, k_i>: the keys are to be adjusted to their context "
    "by the inverse",
    fails=ALL,
)
def inner_products(q, K, lam):
    return K @ q


@mistake(
    "ridge_attention_weights",
    "your weights are those of linear attention, <q, k_i> / lam: K^T K is missing in the inverse",
    fails=ALL,
)
def linear_attention(q, K, lam):
    return K @ q / lam


@mistake(
    "ridge_attention_weights",
    "your weights are divided by sqrt(d), which belongs to softmax attention: here nothing is "
    "scaled",
    fails=ALL,
)
def weights_scaled_by_sqrt_d(q, K, lam):
    M = lam * torch.eye(K.shape[1], dtype=K.dtype) + K.T @ K
    return K @ torch.linalg.solve(M, q) / K.shape[1] ** 0.5


@mistake(
    "ridge_attention_weights",
    "your result is the adjusted query, (lam I + K^T K)^(-1) q, with d entries: every key is to "
    "meet it",
    fails=ALL,
)
def adjusted_query(q, K, lam):
    return torch.linalg.solve(lam * torch.eye(K.shape[1], dtype=K.dtype) + K.T @ K, q)


@mistake(
    "ridge_attention_weights",
    "your weights adjust each key by itself, <q, k_i> / (lam + |k_i|^2): the context is all keys",
    fails=ALL,
)
def each_key_by_itself(q, K, lam):
    return K @ q / (lam + (K**2).sum(1))


@mistake(
    "ridge_attention_weights",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def weights_not_returned(q, K, lam):
    K @ torch.linalg.solve(lam * torch.eye(K.shape[1], dtype=K.dtype) + K.T @ K, q)
