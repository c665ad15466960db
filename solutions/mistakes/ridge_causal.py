"""Wrong causal ridge attention (4f), each a mistake that is really made: not right anywhere.

Each replaces `causal_ridge_attention` in a submission, and nothing else. It uses its arguments and
torch, so its source can be pasted in a notebook. They lose every check of 4f: gradients and work
are looked at only where values are right.
"""

import torch

from autograder.diagnosis import mistake

ALL = (
    "q4f: every position, at any length",
    "q4f: lam from 0.001 to 100, and repeated keys",
    "q4f: batch and head dimensions",
    "q4f: the digits of float64, inputs left alone",
    "q4f: gradients for Q, K, V and lam",
    "q4f: the work grows like n d^2",
)


@mistake(
    "causal_ridge_attention",
    "your inverse starts at I: before the first pair M is lam I, and its inverse is I / lam",
    fails=ALL,
)
def starts_at_the_identity(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype)
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your inverse starts at lam I, which is M before the first pair: its inverse is I / lam",
    fails=ALL,
)
def starts_at_lam(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) * lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your inverse starts at I / lam^2: the ridge itself is on the diagonal of M",
    fails=ALL,
)
def starts_at_lam_squared(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam**2
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your outputs are those of lam divided by n: lam is not shared out over the positions",
    fails=ALL,
)
def lam_shared_out(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) * K.shape[-2] / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your matrix has lam I added at every position: it is there once, in M_0",
    fails=ALL,
)
def lam_at_every_position(Q, K, V, lam):
    t = torch.arange(1, K.shape[-2] + 1, dtype=K.dtype)[:, None, None]
    M = lam * t * torch.eye(K.shape[-1], dtype=K.dtype)
    M = M + torch.cumsum(K[..., :, None] * K[..., None, :], -3)
    J = torch.cumsum(K[..., :, None] * V[..., None, :], -3)
    return (Q[..., None, :] @ torch.linalg.solve(M, J)).squeeze(-2)


@mistake(
    "causal_ridge_attention",
    "your outputs leave out the position's own pair: the query at t meets the pairs up to t, its "
    "own included",
    fails=ALL,
)
def own_pair_left_out(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        outputs.append(q @ P @ J)
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your outputs read the inverse before pair t has been taken in, and J after it: update both "
    "first",
    fails=ALL,
)
def inverse_a_step_late(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your outputs read J before pair t has been taken in, and the inverse after it: update both "
    "first",
    fails=ALL,
)
def J_a_step_late(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        outputs.append(q @ P @ J)
        J = J + k.mT @ v
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your outputs see the future: every query meets all pairs, where it should meet those up to "
    "its own",
    fails=ALL,
)
def future_let_in(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    return Q @ torch.linalg.solve(M, K.mT @ V)


@mistake(
    "causal_ridge_attention",
    "your outputs see the future: the inverse is made of all keys, where only J is causal",
    fails=ALL,
)
def future_keys_let_in(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype) + K.mT @ K
    return torch.tril(Q @ torch.linalg.solve(M, K.mT)) @ V


@mistake(
    "causal_ridge_attention",
    "your outputs are those of causal softmax attention: keys and values are to be fitted by a "
    "ridge regression",
    fails=ALL,
)
def softmax_left_in(Q, K, V, lam):
    n = K.shape[-2]
    scores = Q @ K.mT / K.shape[-1] ** 0.5
    later = torch.ones(n, n, dtype=torch.bool).triu(1)
    return torch.softmax(scores.masked_fill(later, -torch.inf), -1) @ V


@mistake(
    "causal_ridge_attention",
    "your outputs are those of linear attention, q^T J / lam: the keys are missing in the inverse",
    fails=ALL,
)
def causal_linear_attention(Q, K, V, lam):
    return torch.tril(Q @ K.mT) @ V / lam


@mistake(
    "causal_ridge_attention",
    "your outputs are q^T J: the inverse is missing",
    fails=ALL,
)
def J_not_divided(Q, K, V, lam):
    return torch.tril(Q @ K.mT) @ V


@mistake(
    "causal_ridge_attention",
    "your outputs are divided by sqrt(d), which belongs to softmax attention: here nothing is "
    "scaled",
    fails=ALL,
)
def causal_scaled_by_sqrt_d(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J / K.shape[-1] ** 0.5)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "the weights in your outputs are made to add up to one: ridge attention takes them as they are",
    fails=ALL,
)
def causal_weights_normalised(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    outputs = []
    for t in range(1, K.shape[-2] + 1):
        q, k = Q[..., t - 1 : t, :], K[..., t - 1 : t, :]
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        weights = q @ P @ K[..., :t, :].mT
        outputs.append(weights / weights.sum(-1, keepdim=True) @ V[..., :t, :])
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your inverse is updated with the queries: it is the keys that the values are fitted to",
    fails=ALL,
)
def queries_in_the_update(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ q.mT) @ (q @ P) / (1 + q @ P @ q.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your J holds the latest pair only: J_t = J_{t-1} + k_t v_t^T",
    fails=ALL,
)
def J_not_added_up(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your J is a mean over the pairs: it is a sum",
    fails=ALL,
)
def J_averaged(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J / (len(outputs) + 1))
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your sums forget: older pairs are multiplied by a factor below 1 at each position",
    fails=ALL,
)
def forgetting(Q, K, V, lam):
    M = lam * torch.eye(K.shape[-1], dtype=K.dtype)
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        M = 0.9 * M + k.mT @ k
        J = 0.9 * J + k.mT @ v
        outputs.append(q @ torch.linalg.solve(M, J))
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your update of the inverse has lost its denominator, 1 + k^T P k",
    fails=ALL,
)
def update_without_denominator(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your denominator is 1 - k^T P k: where k k^T is added to M, it has a plus",
    fails=ALL,
)
def update_with_minus(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 - k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your denominator has no 1 in it: it is 1 + k^T P k",
    fails=ALL,
)
def update_without_one(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your update adds to the inverse: it is taken away, since M grows",
    fails=ALL,
)
def correction_with_plus(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P + (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your inverse stays at I / lam: it takes in each key, by 4e",
    fails=ALL,
)
def inverse_never_updated(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    W = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        W = W + P @ k.mT @ (v - k @ W)
        outputs.append(q @ W)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your gain is P_{t-1} k_t: it is M_t^(-1) k_t, which is that divided by 1 + k^T P_{t-1} k",
    fails=ALL,
)
def gain_not_divided(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    W = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        Pk = P @ k.mT
        W = W + Pk @ (v - k @ W)
        P = P - Pk @ Pk.mT / (1 + k @ Pk)
        outputs.append(q @ W)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your W moves by the whole value: what it moves by is the surprise, v - W^T k",
    fails=ALL,
)
def surprise_left_out(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    W = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        Pk = P @ k.mT
        gain = Pk / (1 + k @ Pk)
        W, P = W + gain @ v, P - gain @ Pk.mT
        outputs.append(q @ W)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your surprise is v - W^T q: the pair is (k, v), and the query has no part in learning",
    fails=ALL,
)
def surprise_of_the_query(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    W = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        Pk = P @ k.mT
        gain = Pk / (1 + k @ Pk)
        W, P = W + gain @ (v - q @ W), P - gain @ Pk.mT
        outputs.append(q @ W)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your W lacks the last of the four terms of (M^(-1) - U)(J + k v^T), - (U k) v^T",
    fails=ALL,
)
def last_term_lost(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    W = J
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        left, right = P @ k.mT / (1 + k @ P @ k.mT), k @ P
        W = W - left @ (right @ J) + P @ k.mT @ v
        P, J = P - left @ right, J + k.mT @ v
        outputs.append(q @ W)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your W takes away U J_t: multiplied out it is U J_{t-1}, so update J after W",
    fails=ALL,
)
def new_J_in_19(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    W = J
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        left, right = P @ k.mT / (1 + k @ P @ k.mT), k @ P
        J = J + k.mT @ v
        W = W - left @ (right @ J) + P @ k.mT @ v - left @ (right @ k.mT) @ v
        P = P - left @ right
        outputs.append(q @ W)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "only the last output is returned: put each position's aside, and join them at the end",
    fails=ALL,
)
def last_output_only(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return outputs[-1]


@mistake(
    "causal_ridge_attention",
    "your outputs run backwards: position 1 comes first",
    fails=ALL,
)
def outputs_backwards(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs[::-1], -2)


@mistake(
    "causal_ridge_attention",
    "nothing is returned: end the function with a `return` (what is printed is not handed on)",
    fails=ALL,
)
def causal_not_returned(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
