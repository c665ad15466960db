"""Wrong depthwise convolutions (2f), each a mistake that is really made.

Each replaces `diag_conv_ssm_forward` in a submission, and nothing else. It uses its arguments,
torch and torch.nn.functional as F, so its source can be pasted in a notebook. `fails` names the
hidden checks that are lost by it; all others stay.
"""

import torch
import torch.nn.functional as F

from autograder.diagnosis import mistake

ANY = "q2f: the convolution at any length, inputs left alone"
DOUBLE = "q2f: each in double precision, inputs left alone"
WORK = "q2f: the work of the convolution grows like H"  # counted of right values only
CONVOLUTION = ("q2f: the convolution at powers of two", ANY, DOUBLE, WORK)


@mistake(
    "diag_conv_ssm_forward",
    "your output is what comes of a kernel that is not reversed: conv1d slides its kernel without "
    "turning it round, so the ones have to stand at its end",
    fails=CONVOLUTION,
)
def diagonal_kernel_not_reversed(W, U, b, x):
    T = x.shape[1]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None]
    v = F.pad((x @ U.T + b).transpose(1, 2), (T - 1, 0))
    return F.conv1d(v, K, groups=len(b)).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "your output uses W[0, 0] for every unit: each unit has its own entry W_ii",
    fails=CONVOLUTION,
)
def one_kernel_for_all_units(W, U, b, x):
    T = x.shape[1]
    K = (W[0, 0] ** torch.arange(T)).repeat(len(b), 1, 1)
    v = F.pad((x @ U.T + b).transpose(1, 2), (T - 1, 0))
    return F.conv1d(v, K.flip(-1), groups=len(b)).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "your output sums over all units: the kernel is repeated to (H, H, T), where groups=H with "
    "(H, 1, T) keeps the units apart",
    fails=CONVOLUTION,
)
def groups_left_out(W, U, b, x):
    T = x.shape[1]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None].repeat(1, len(b), 1)
    v = F.pad((x @ U.T + b).transpose(1, 2), (T - 1, 0))
    return F.conv1d(v, K.flip(-1)).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "your output equals the right one with b left out: b enters at every step, like U x_t",
    fails=CONVOLUTION,
)
def depthwise_without_bias(W, U, b, x):
    T = x.shape[1]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None]
    v = F.pad((x @ U.T).transpose(1, 2), (T - 1, 0))
    return F.conv1d(v, K.flip(-1), groups=len(b)).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "your output has b added after the convolution: b is carried on by W like the rest, so it "
    "enters before",
    fails=CONVOLUTION,
)
def bias_after_the_depthwise_convolution(W, U, b, x):
    T = x.shape[1]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None]
    v = F.pad((x @ U.T).transpose(1, 2), (T - 1, 0))
    return F.conv1d(v, K.flip(-1), bias=b, groups=len(b)).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "your output has b in the first step's input only: it enters at every step",
    fails=CONVOLUTION,
)
def depthwise_bias_in_first_input_only(W, U, b, x):
    T = x.shape[1]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None]
    v = (x @ U.T).transpose(1, 2)
    v[:, :, 0] += b
    return F.conv1d(F.pad(v, (T - 1, 0)), K.flip(-1), groups=len(b)).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "your output looks into the future: the padding is split between both ends, and a causal "
    "convolution has all of it in front",
    fails=CONVOLUTION,
)
def depthwise_padded_at_both_ends(W, U, b, x):
    T = x.shape[1]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None]
    v = F.pad((x @ U.T + b).transpose(1, 2), (T // 2, T - 1 - T // 2))
    return F.conv1d(v, K.flip(-1), groups=len(b)).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "your output begins with the state that belongs at the end: all of the padding stands in front "
    "of the input, and where both ends are padded, the states are the first T entries",
    fails=CONVOLUTION,
)
def depthwise_padded_behind(W, U, b, x):
    T = x.shape[1]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None]
    v = F.pad((x @ U.T + b).transpose(1, 2), (0, T - 1))
    return F.conv1d(v, K.flip(-1), groups=len(b)).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "your output is one step late: T zeros in front are one too many",
    fails=CONVOLUTION,
)
def depthwise_one_zero_too_many(W, U, b, x):
    T = x.shape[1]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None]
    v = F.pad((x @ U.T + b).transpose(1, 2), (T, 0))
    return F.conv1d(v, K.flip(-1), groups=len(b))[:, :, :T].transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "your output is longer than T: with padding on both sides, the states are its first T entries",
    fails=CONVOLUTION,
)
def depthwise_tail_not_cut(W, U, b, x):
    T = x.shape[1]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None].flip(-1)
    v = (x @ U.T + b).transpose(1, 2)
    return F.conv1d(v, K, padding=T - 1, groups=len(b)).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "your output wraps round: the last inputs reach the first states, so the transform needs "
    "zeros up to length 2T",
    fails=CONVOLUTION,
)
def depthwise_circular(W, U, b, x):
    T = x.shape[1]
    K = W.diagonal()[:, None] ** torch.arange(T)
    v = (x @ U.T + b).transpose(1, 2)
    return torch.fft.irfft(torch.fft.rfft(K) * torch.fft.rfft(v), T).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "your output is what comes of reshaping (N, T, H) to (N, H, T): that mixes steps with units, "
    "where a transpose is meant",
    fails=CONVOLUTION,
)
def depthwise_reshaped_not_transposed(W, U, b, x):
    N, T, _ = x.shape
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None]
    v = F.pad((x @ U.T + b).reshape(N, len(b), T), (T - 1, 0))
    return F.conv1d(v, K.flip(-1), groups=len(b)).reshape(N, T, len(b))


@mistake(
    "diag_conv_ssm_forward",
    "your output is right with its axes in the order (N, H, T): asked for is (N, T, H)",
    fails=CONVOLUTION,
)
def depthwise_units_before_steps(W, U, b, x):
    T = x.shape[1]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None]
    v = F.pad((x @ U.T + b).transpose(1, 2), (T - 1, 0))
    return F.conv1d(v, K.flip(-1), groups=len(b))


@mistake(
    "diag_conv_ssm_forward",
    "your output is right where T is a power of two, and too long elsewhere: keep T states",
    fails=(ANY, DOUBLE),
)
def depthwise_length_rounded_up(W, U, b, x):
    T = 2 ** (x.shape[1] - 1).bit_length()
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None]
    v = F.pad((x @ U.T + b).transpose(1, 2), (T - 1, T - x.shape[1]))
    return F.conv1d(v, K.flip(-1), groups=len(b)).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "the output is right, and a tensor of the caller's is changed by the call: torch's functions "
    "whose names end in _ work in place, the others do not",
    fails=(ANY, DOUBLE),
)
def depthwise_transposes_its_input(W, U, b, x):
    v = (x.transpose_(0, 1) @ U.T + b).permute(1, 2, 0)
    T = v.shape[2]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None]
    return F.conv1d(F.pad(v, (T - 1, 0)), K.flip(-1), groups=len(b)).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "your output is right to about three digits: something in it is computed in half precision",
    fails=CONVOLUTION,
)
def depthwise_in_half_precision(W, U, b, x):
    T = x.shape[1]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None].half().to(x.dtype)
    v = F.pad((x @ U.T + b).half().to(x.dtype).transpose(1, 2), (T - 1, 0))
    return F.conv1d(v, K.flip(-1), groups=len(b)).transpose(1, 2)


@mistake(
    "diag_conv_ssm_forward",
    "nothing is returned: end the function with a `return` (printing a result does not hand it on)",
    fails=CONVOLUTION,
)
def depthwise_not_returned(W, U, b, x):
    T = x.shape[1]
    K = (W.diagonal()[:, None] ** torch.arange(T))[:, None]
    v = F.pad((x @ U.T + b).transpose(1, 2), (T - 1, 0))
    F.conv1d(v, K.flip(-1), groups=len(b)).transpose(1, 2)
