"""Causal ridge attention (4f) that is right on one head and in float32, and not elsewhere: mixed
heads, lost gradients, lost digits, changed inputs. Each is a mistake that is really made.

Each replaces `causal_ridge_attention` in a submission, and nothing else. `fails` names the hidden
checks that are lost by it; all others stay.
"""

import torch

from autograder.diagnosis import mistake

HEADS = "q4f: batch and head dimensions"
DOUBLE = "q4f: the digits of float64, inputs left alone"
GRADIENTS = "q4f: gradients for Q, K, V and lam"


@mistake(
    "causal_ridge_attention",
    "it takes two dimensions only, as `n, d = K.shape` says: `n, d = K.shape[-2:]` leaves room "
    "for those in front",
    fails=(HEADS,),
)
def one_head_only(Q, K, V, lam):
    n, d = K.shape
    P, J = torch.eye(d, dtype=K.dtype) / lam, torch.zeros(d, V.shape[1], dtype=K.dtype)
    outputs = []
    for t in range(n):
        Pk = P @ K[t]
        P = P - torch.outer(Pk, Pk) / (1 + K[t] @ Pk)
        J = J + torch.outer(K[t], V[t])
        outputs.append((Q[t] @ P) @ J)
    return torch.stack(outputs)


@mistake(
    "causal_ridge_attention",
    "all sequences and heads share one inverse and one J in your outputs: each has its own",
    fails=(HEADS,),
)
def one_memory_for_all_heads(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        keys, values = k.reshape(-1, K.shape[-1]), v.reshape(-1, V.shape[-1])
        for key, value in zip(keys.split(1), values.split(1), strict=True):
            P = P - (P @ key.mT) @ (key @ P) / (1 + key @ P @ key.mT)
            J = J + key.mT @ value
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your outputs have the positions in front of batch and heads: `torch.stack(outputs, -2)`, or "
    "`torch.cat` of rows, puts them last but one",
    fails=(HEADS,),
)
def positions_in_front(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.stack([o.squeeze(-2) for o in outputs])


@mistake(
    "causal_ridge_attention",
    "it is right in float32 and stops in float64: `torch.eye(d)` is float32, where `torch.eye(d, "
    "dtype=K.dtype)` goes with K",
    fails=(DOUBLE,),
)
def inverse_without_dtype(Q, K, V, lam):
    P = torch.eye(K.shape[-1]) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "your outputs are right to about seven digits: they are stored in a tensor that was made "
    "without a dtype, and so is float32",
    fails=(DOUBLE,),
)
def outputs_in_float32(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = torch.zeros(V.shape)
    for t, (q, k, v) in enumerate(zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True)):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs[..., t : t + 1, :] = q @ P @ J
    return outputs


@mistake(
    "causal_ridge_attention",
    "your outputs are right to about seven digits: the inverse starts as a float32 matrix, "
    "whatever the type of K",
    fails=(DOUBLE,),
)
def inverse_in_float32(Q, K, V, lam):
    P = (torch.eye(K.shape[-1]) / lam).to(K.dtype)
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "the values are right, and the call changes one of its inputs: `-=` and `sub_` work in place,"
    " also on a row of V",
    fails=(DOUBLE, GRADIENTS),
)
def V_changed(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    W = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        Pk = P @ k.mT
        gain = Pk / (1 + k @ Pk)
        P = P - gain @ Pk.mT
        v.sub_(k @ W)
        W = W + gain @ v
        outputs.append(q @ W)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "no gradient can pass: P and J are updated in place, and the backward pass still needs what "
    "they were",
    fails=(GRADIENTS,),
)
def updated_in_place(Q, K, V, lam):
    P = (torch.eye(K.shape[-1], dtype=K.dtype) / lam).repeat(*K.shape[:-2], 1, 1)
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P -= (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J += k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "no gradient reaches lam: `float(lam)`, `lam.item()` and `torch.tensor(lam)` make a plain "
    "number of it",
    fails=(GRADIENTS,),
)
def lam_made_a_number(Q, K, V, lam):
    ridge = lam.item() if isinstance(lam, torch.Tensor) else lam
    P = torch.eye(K.shape[-1], dtype=K.dtype) / ridge
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "no gradient passes at all: the outputs are made under `torch.no_grad()` (or after "
    "`torch.set_grad_enabled(False)`), or detached",
    fails=(GRADIENTS,),
)
def without_gradients(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2).detach()


@mistake(
    "causal_ridge_attention",
    "no gradient passes through the inverse: it is detached, or updated under `torch.no_grad()`",
    fails=(GRADIENTS,),
)
def inverse_detached(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        P = P.detach()
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "gradients reach the latest pair only: what is carried from position to position is detached",
    fails=(GRADIENTS,),
)
def memory_detached(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        P, J = P.detach(), J.detach()
        P = P - (P @ k.mT) @ (k @ P) / (1 + k @ P @ k.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)


@mistake(
    "causal_ridge_attention",
    "no gradient reaches the keys through the inverse: they are detached in its update",
    fails=(GRADIENTS,),
)
def keys_detached(Q, K, V, lam):
    P = torch.eye(K.shape[-1], dtype=K.dtype) / lam
    J = torch.zeros_like(K[..., 0, :, None] * V[..., 0, None, :])
    outputs = []
    for q, k, v in zip(*(a.split(1, -2) for a in (Q, K, V)), strict=True):
        key = k.detach()
        P = P - (P @ key.mT) @ (key @ P) / (1 + key @ P @ key.mT)
        J = J + k.mT @ v
        outputs.append(q @ P @ J)
    return torch.cat(outputs, -2)
