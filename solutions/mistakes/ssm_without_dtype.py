"""Functions of 2d and 2f that are right in float32 and nowhere else, as comes of tensors made
without a dtype: on a GPU, one made without a device goes wrong in the same way.

Each replaces the function it is named for in a submission, and nothing else. `fails` names the
hidden check that is lost by it; all others stay.
"""

import torch
import torch.nn.functional as F

from autograder.diagnosis import mistake

DENSE = ("q2d: each in double precision, inputs left alone",)
DIAGONAL = ("q2f: each in double precision, inputs left alone",)


@mistake(
    "unrolled_ssm_forward",
    "it is right in float32 and stops in float64: a tensor made without a dtype is float32, where "
    "`x.new_zeros(...)`, or `dtype=x.dtype, device=x.device`, goes with the input",
    fails=DENSE,
)
def state_made_without_dtype(W, U, b, x):
    h, states = torch.zeros(len(x), len(b)), []
    for x_t in x.unbind(1):
        h = h @ W.T + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@mistake(
    "unrolled_ssm_forward",
    "your output is right to about seven digits: the states are stored in a tensor that was made "
    "without a dtype, and so is float32",
    fails=DENSE,
)
def states_stored_in_float32(W, U, b, x):
    states, h = torch.zeros(len(x), x.shape[1], len(b)), x.new_zeros(len(x), len(b))
    for t in range(x.shape[1]):
        h = h @ W.T + x[:, t] @ U.T + b
        states[:, t] = h
    return states


@mistake(
    "make_conv_kernel",
    "it is right in float32 and stops in float64: `torch.eye(n)` is float32 and on the CPU, where "
    "`torch.eye(n, dtype=W.dtype, device=W.device)` goes with W",
    fails=DENSE,
)
def identity_made_without_dtype(W, T):
    powers, step = torch.eye(len(W))[None], W
    while len(powers) < T:
        powers, step = torch.cat([powers, step @ powers]), step @ step
    return powers[:T].permute(1, 2, 0)


@mistake(
    "conv_ssm_forward",
    "your output is right to about seven digits: float64 inputs are turned into float32",
    fails=DENSE,
)
def convolution_in_float32(W, U, b, x):
    W, T = W.float(), x.shape[1]
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)], -1)
    v = F.pad((x.float() @ U.float().T + b.float()).transpose(1, 2), (T - 1, 0))
    return F.conv1d(v, K.flip(-1)).transpose(1, 2)


@mistake(
    "make_diag_depthwise_kernel",
    "your kernel is right to about seven digits: its powers are stored in a tensor that was made "
    "without a dtype, and so is float32",
    fails=DIAGONAL,
)
def diagonal_powers_stored_in_float32(W, T):
    K = torch.ones(len(W), 1, T)
    for lag in range(1, T):
        K[:, 0, lag] = W.diagonal() ** lag
    return K


@mistake(
    "diag_conv_ssm_forward",
    "your output is right to about seven digits: float64 inputs are turned into float32",
    fails=DIAGONAL,
)
def depthwise_in_float32(W, U, b, x):
    T = x.shape[1]
    K = (W.float().diagonal()[:, None] ** torch.arange(T))[:, None]
    v = F.pad((x.float() @ U.float().T + b.float()).transpose(1, 2), (T - 1, 0))
    return F.conv1d(v, K.flip(-1), groups=len(b)).transpose(1, 2)


@mistake(
    "diag_unrolled_ssm_forward",
    "your output is right to about seven digits: the states are stored in a tensor that was made "
    "without a dtype, and so is float32",
    fails=DIAGONAL,
)
def diagonal_states_stored_in_float32(W, U, b, x):
    states, h = torch.zeros(len(x), x.shape[1], len(b)), x.new_zeros(len(x), len(b))
    for t in range(x.shape[1]):
        h = W.diagonal() * h + x[:, t] @ U.T + b
        states[:, t] = h
    return states
