"""Wrong SSM convolutions (2b), each a mistake that is really made.

Each replaces `conv_ssm_forward` in a submission, and nothing else. It uses its arguments, torch
and torch.nn.functional as F, so its source can be pasted in a notebook. `fails` names the hidden
checks that are lost by it; all others stay.
"""

import torch
import torch.nn.functional as F

from autograder.diagnosis import mistake

ANY = "q2b: the convolution at any length, inputs left alone"
CONVOLUTION = ("q2b: the convolution at powers of two", ANY)


@mistake(
    "conv_ssm_forward",
    "your output is what comes of a kernel that is not reversed: conv1d slides its kernel without "
    "turning it round, so W^0 has to stand at its end",
    fails=CONVOLUTION,
)
def kernel_not_reversed(W, U, b, x):
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(x.shape[1])], -1)
    v = (x @ U.T + b).transpose(1, 2)
    return F.conv1d(F.pad(v, (x.shape[1] - 1, 0)), K).transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "your output equals the right one with b left out: b enters at every step, like U x_t",
    fails=CONVOLUTION,
)
def convolution_without_bias(W, U, b, x):
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(x.shape[1])], -1)
    v = (x @ U.T).transpose(1, 2)
    return F.conv1d(F.pad(v, (x.shape[1] - 1, 0)), K.flip(-1)).transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "your output has b added after the convolution: b is carried on by W like the rest, so it "
    "enters before",
    fails=CONVOLUTION,
)
def bias_after_the_convolution(W, U, b, x):
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(x.shape[1])], -1)
    v = (x @ U.T).transpose(1, 2)
    return F.conv1d(F.pad(v, (x.shape[1] - 1, 0)), K.flip(-1), bias=b).transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "your output has b in the first step's input only: it enters at every step",
    fails=CONVOLUTION,
)
def bias_in_first_input_only(W, U, b, x):
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(x.shape[1])], -1)
    v = (x @ U.T).transpose(1, 2)
    v[:, :, 0] += b
    return F.conv1d(F.pad(v, (x.shape[1] - 1, 0)), K.flip(-1)).transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "your output looks into the future: the padding is split between both ends, and a causal "
    "convolution has all of it in front",
    fails=CONVOLUTION,
)
def padded_at_both_ends(W, U, b, x):
    T = x.shape[1]
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)], -1)
    v = F.pad((x @ U.T + b).transpose(1, 2), (T // 2, T - 1 - T // 2))
    return F.conv1d(v, K.flip(-1)).transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "your output begins with the state that belongs at the end: all of the padding stands in front "
    "of the input, and where both ends are padded, the states are the first T entries",
    fails=CONVOLUTION,
)
def padded_behind(W, U, b, x):
    T = x.shape[1]
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)], -1)
    v = F.pad((x @ U.T + b).transpose(1, 2), (0, T - 1))
    return F.conv1d(v, K.flip(-1)).transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "your output is one step late: T zeros in front are one too many",
    fails=CONVOLUTION,
)
def one_zero_too_many(W, U, b, x):
    T = x.shape[1]
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)], -1)
    v = F.pad((x @ U.T + b).transpose(1, 2), (T, 0))
    return F.conv1d(v, K.flip(-1))[:, :, :T].transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "your output wraps round: the last inputs reach the first states, so the transform needs "
    "zeros up to length 2T",
    fails=CONVOLUTION,
)
def circular(W, U, b, x):
    T = x.shape[1]
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)], -1)
    v = (x @ U.T + b).transpose(1, 2)
    spectrum = torch.einsum("oif,nif->nof", torch.fft.rfft(K), torch.fft.rfft(v))
    return torch.fft.irfft(spectrum, T).transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "your output equals the right one for W transposed: a conv1d kernel is [output, input, lag]",
    fails=CONVOLUTION,
)
def kernel_axes_swapped(W, U, b, x):
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(x.shape[1])], -1)
    v = (x @ U.T + b).transpose(1, 2)
    K = K.transpose(0, 1).flip(-1)
    return F.conv1d(F.pad(v, (x.shape[1] - 1, 0)), K).transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "your output is what comes of reshaping (N, T, H) to (N, H, T): that mixes steps with units, "
    "where a transpose is meant",
    fails=CONVOLUTION,
)
def reshaped_not_transposed(W, U, b, x):
    N, T, _ = x.shape
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)], -1)
    v = (x @ U.T + b).reshape(N, len(b), T)
    return F.conv1d(F.pad(v, (T - 1, 0)), K.flip(-1)).reshape(N, T, len(b))


@mistake(
    "conv_ssm_forward",
    "your output convolves each unit with itself only: units of the state mix through W",
    fails=CONVOLUTION,
)
def depthwise(W, U, b, x):
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(x.shape[1])], -1)
    v = F.pad((x @ U.T + b).transpose(1, 2), (x.shape[1] - 1, 0))
    K = K.diagonal().T[:, None].flip(-1)
    return F.conv1d(v, K, groups=len(b)).transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "your output is right with its axes in the order (N, H, T): asked for is (N, T, H)",
    fails=CONVOLUTION,
)
def units_before_steps(W, U, b, x):
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(x.shape[1])], -1)
    v = (x @ U.T + b).transpose(1, 2)
    return F.conv1d(F.pad(v, (x.shape[1] - 1, 0)), K.flip(-1))


# Before the next: its result is right, and half precision is nearly right.
@mistake(
    "conv_ssm_forward",
    "the output is right, and a tensor of the caller's is changed by the call: torch's functions "
    "whose names end in _ work in place, the others do not",
    fails=(ANY,),
)
def convolution_transposes_its_input(W, U, b, x):
    v = (x.transpose_(0, 1) @ U.T + b).permute(1, 2, 0)
    T = v.shape[2]
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)], -1)
    return F.conv1d(F.pad(v, (T - 1, 0)), K.flip(-1)).transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "your output is right to about three digits: something in it is computed in half precision",
    fails=CONVOLUTION,
)
def convolution_in_half_precision(W, U, b, x):
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(x.shape[1])], -1)
    v = (x @ U.T + b).half().float().transpose(1, 2)
    K = K.half().float().flip(-1)
    return F.conv1d(F.pad(v, (x.shape[1] - 1, 0)), K).transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "your output is right where T is a power of two, and too long elsewhere: keep T states",
    fails=(ANY,),
)
def length_rounded_up(W, U, b, x):
    T = 2 ** (x.shape[1] - 1).bit_length()
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)], -1)
    v = F.pad((x @ U.T + b).transpose(1, 2), (T - 1, T - x.shape[1]))
    return F.conv1d(v, K.flip(-1)).transpose(1, 2)


@mistake(
    "conv_ssm_forward",
    "nothing is returned: end the function with a `return` (printing a result does not hand it on)",
    fails=CONVOLUTION,
)
def convolution_not_returned(W, U, b, x):
    K = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(x.shape[1])], -1)
    v = F.pad((x @ U.T + b).transpose(1, 2), (x.shape[1] - 1, 0))
    F.conv1d(v, K.flip(-1)).transpose(1, 2)
