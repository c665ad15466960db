"""Wrong ridge attention, not causal (4c), each a mistake that is really made.

Each replaces `ridge_attention` in a submission, and nothing else. It uses its arguments and torch,
so its source can be pasted in a notebook. `fails` names the hidden checks that are lost by it; all
others stay.
"""

import torch
import torch.nn.functional as F

from autograder.diagnosis import mistake

MANY = "q4c: more pairs than entries"
FEW = "q4c: fewer pairs than entries"
HEADS = "q4c: batch and head dimensions"
DOUBLE = "q4c: the digits of float64, inputs left alone"
ALL = (MANY, FEW, HEADS, DOUBLE)


@mistake(
    "ridge_attention",
    "the values are right, and the call changes one of its inputs: `div_`, `*=` and others work "
    "in place, also where what they did is undone later",
    fails=(DOUBLE,),
)
def values_divided_in_place(Q, K, V, lam):
    M = torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K / lam
    return Q @ torch.linalg.solve(M, K.mT @ V.div_(lam))


@mistake(
    "ridge_attention",
    "your outputs are right to about seven digits: `torch.eye(d)` is float32, and lam is rounded "
    "in it, where `torch.eye(d, dtype=K.dtype)` goes with K",
    fails=(DOUBLE,),
)
def attention_without_dtype(Q, K, V, lam):
    return Q @ torch.linalg.solve(K.mT @ K + lam * torch.eye(K.shape[-1]), K.mT @ V)


@mistake(
    "ridge_attention",
    "your outputs are right except where values are as long as keys: there W is transposed, since "
    "a transpose fits too",
    fails=(MANY,),
)
def square_weights_transposed(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    W = torch.linalg.solve(M, K.mT @ V)
    return Q @ (W.mT if W.shape[-1] == W.shape[-2] else W)


@mistake(
    "ridge_attention",
    "it works for two dimensions only: `K.t()` is for matrices, where `K.mT` swaps the last two "
    "dimensions, whatever stands in front",
    fails=(HEADS,),
)
def two_dimensions_only(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.t() @ K
    return Q @ torch.linalg.solve(M, K.t() @ V)


@mistake(
    "ridge_attention",
    "all sequences and heads share one W in your outputs: each has pairs of its own, and a W of "
    "its own",
    fails=(HEADS,),
)
def heads_mixed(Q, K, V, lam):
    k, v = K.reshape(-1, K.shape[-1]), V.reshape(-1, V.shape[-1])
    return Q @ torch.linalg.solve(lam * torch.eye(k.shape[1], dtype=K.dtype) + k.mT @ k, k.mT @ v)


@mistake(
    "ridge_attention",
    "the sequences of a batch share one W in your outputs: sums run over the pairs of one sequence",
    fails=(HEADS,),
)
def batch_summed(Q, K, V, lam):
    gram, cross = K.mT @ K, K.mT @ V
    if gram.ndim > 2:
        gram, cross = gram.sum(0), cross.sum(0)
    return Q @ torch.linalg.solve(lam * torch.eye(K.shape[-1], dtype=K.dtype) + gram, cross)


@mistake(
    "ridge_attention",
    "your outputs are those of least squares: lam is not in them",
    fails=ALL,
)
def attention_without_lam(Q, K, V, lam):
    return Q @ (torch.linalg.pinv(K) @ V)


@mistake(
    "ridge_attention",
    "your outputs are those of lam squared: the ridge itself is added to the diagonal",
    fails=ALL,
)
def attention_with_lam_squared(Q, K, V, lam):
    M = lam**2 * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    return Q @ torch.linalg.solve(M, K.mT @ V)


@mistake(
    "ridge_attention",
    "your outputs are those of lam times n: lam stands beside sums over the pairs, not means",
    fails=ALL,
)
def attention_with_means(Q, K, V, lam):
    n = K.shape[-2]
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K / n
    return Q @ torch.linalg.solve(M, K.mT @ V / n)


@mistake(
    "ridge_attention",
    "your outputs are those of lam divided by n: lam is not shared out over the pairs",
    fails=ALL,
)
def attention_with_lam_over_n(Q, K, V, lam):
    M = lam / K.shape[-2] * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    return Q @ torch.linalg.solve(M, K.mT @ V)


@mistake(
    "ridge_attention",
    "your matrix has lam added to every entry: lam I has it on the diagonal only",
    fails=ALL,
)
def attention_with_lam_everywhere(Q, K, V, lam):
    return Q @ (torch.linalg.pinv(K.mT @ K + lam) @ (K.mT @ V))


@mistake(
    "ridge_attention",
    "your outputs are divided by sqrt(d), which belongs to softmax attention: here nothing is "
    "scaled",
    fails=ALL,
)
def scaled_by_sqrt_d(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    return Q @ torch.linalg.solve(M, K.mT @ V) / K.shape[-1] ** 0.5


@mistake(
    "ridge_attention",
    "your outputs are those of softmax attention: keys and values are to be fitted by a ridge "
    "regression",
    fails=ALL,
)
def softmax_in_its_place(Q, K, V, lam):
    return torch.softmax(Q @ K.mT / K.shape[-1] ** 0.5, -1) @ V


@mistake(
    "ridge_attention",
    "there is a softmax over the weights in your outputs: ridge attention takes them as they are",
    fails=ALL,
)
def softmax_of_the_weights(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    return torch.softmax(Q @ torch.linalg.solve(M, K.mT), -1) @ V


@mistake(
    "ridge_attention",
    "the weights in your outputs are made to add up to one: ridge attention takes them as they are",
    fails=(MANY, HEADS, DOUBLE, FEW),
)
def weights_normalised(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    weights = Q @ torch.linalg.solve(M, K.mT)
    return weights / weights.sum(-1, keepdim=True) @ V


@mistake(
    "ridge_attention",
    "your outputs are those of linear attention, Q K^T V: the inverse is missing",
    fails=ALL,
)
def no_inverse(Q, K, V, lam):
    return Q @ (K.mT @ V)


@mistake(
    "ridge_attention",
    "your outputs multiply by lam I + K^T K, where its inverse is asked for",
    fails=ALL,
)
def matrix_not_inverted(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    return Q @ (M @ (K.mT @ V))


@mistake(
    "ridge_attention",
    "your matrix is made of the queries, lam I + Q^T Q: it is the keys that the values are fitted"
    " to",
    fails=ALL,
)
def queries_in_the_inverse(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + Q.mT @ Q
    return Q @ torch.linalg.solve(M, K.mT @ V)


@mistake(
    "ridge_attention",
    "your outputs are causal: here every query meets all pairs, later ones too",
    fails=ALL,
)
def causal_where_all_are_asked(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype)
    M = M + torch.cumsum(K[..., :, None] * K[..., None, :], -3)
    J = torch.cumsum(K[..., :, None] * V[..., None, :], -3)
    return (Q[..., None, :] @ torch.linalg.solve(M, J)).squeeze(-2)


@mistake(
    "ridge_attention",
    "your keys are made to have length 1 first: they are taken as they are",
    fails=ALL,
)
def keys_normalised(Q, K, V, lam):
    K = F.normalize(K, dim=-1)
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    return Q @ torch.linalg.solve(M, K.mT @ V)


@mistake(
    "ridge_attention",
    "your result is W alone, (d, dv): multiply the queries by it",
    fails=ALL,
)
def W_returned(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    return torch.linalg.solve(M, K.mT @ V)


@mistake(
    "ridge_attention",
    "your outputs are columns: the output at position t is row t, (n, dv)",
    fails=ALL,
)
def outputs_transposed(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    return (Q @ torch.linalg.solve(M, K.mT @ V)).mT


@mistake(
    "ridge_attention",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def attention_not_returned(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    Q @ torch.linalg.solve(M, K.mT @ V)
