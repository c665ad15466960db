"""Wrong SSM kernels (2b), each a mistake that is really made.

Each replaces `make_conv_kernel` in a submission, and nothing else. It uses its arguments and
torch, so its source can be pasted in a notebook. `fails` names the hidden checks that are lost by
it; all others stay.
"""

import torch

from autograder.diagnosis import mistake

ANY = "q2b: the kernel at any length"
CONVOLVED_ANY = "q2b: the convolution at any length, inputs left alone"
KERNEL = (
    "q2b: the kernel at powers of two",
    ANY,
    "q2b: the spans of kernel and convolution grow like log T",  # of right values
    "q2b: the convolution at powers of two",  # which calls the kernel
    CONVOLVED_ANY,
)


@mistake(
    "make_conv_kernel",
    "your kernel holds the powers of W transposed: its axes are [output, input, lag], so that "
    "K[:, :, l] is W^l itself",
    fails=KERNEL,
)
def kernel_transposed(W, T):
    return torch.stack([torch.linalg.matrix_power(W, lag).T for lag in range(T)], -1)


@mistake(
    "make_conv_kernel",
    "your kernel has its axes in the order (T, H, H): asked for is (H, H, T)",
    fails=KERNEL,
)
def lag_axis_first(W, T):
    return torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)])


@mistake(
    "make_conv_kernel",
    "your kernel holds W^1 to W^T: the powers asked for begin with W^0, the identity",
    fails=KERNEL,
)
def starts_at_W(W, T):
    return torch.stack([torch.linalg.matrix_power(W, lag + 1) for lag in range(T)], -1)


@mistake(
    "make_conv_kernel",
    "your kernel is right at powers of two and too long elsewhere: after doubling, keep T of them",
    fails=(ANY, CONVOLVED_ANY),
)
def not_cut_to_length(W, T):
    powers, step = torch.eye(len(W))[None], W
    while len(powers) < T:
        powers, step = torch.cat([powers, step @ powers]), step @ step
    return powers.permute(1, 2, 0)


@mistake(
    "make_conv_kernel",
    "your kernel is right at powers of two and too short elsewhere: half of an odd T is rounded "
    "down in both halves",
    fails=(ANY, CONVOLVED_ANY),
)
def odd_lengths_rounded_down(W, T):
    def powers(count):
        if count == 1:
            return torch.eye(len(W))[None]
        half = powers(count // 2)
        return torch.cat([half, torch.linalg.matrix_power(W, count // 2) @ half])

    return powers(T).permute(1, 2, 0)


@mistake(
    "make_conv_kernel",
    "your kernel raises each entry of W to the power l: the matrix power W^l is asked for",
    fails=KERNEL,
)
def powers_of_entries(W, T):
    return W[:, :, None] ** torch.arange(T)


@mistake(
    "make_conv_kernel",
    "your kernel uses only the diagonal of W: the powers of a full matrix mix its entries (`*` "
    "multiplies entry by entry: `@` is the product of matrices)",
    fails=KERNEL,
)
def kernel_of_the_diagonal(W, T):
    return torch.diag_embed((W.diagonal()[:, None] ** torch.arange(T)).T).permute(1, 2, 0)


@mistake(
    "make_conv_kernel",
    "your kernel appends W times what is there at each doubling: the second half is W^m times the "
    "first, and m doubles too",
    fails=KERNEL,
)
def step_never_squared(W, T):
    powers = torch.eye(len(W))[None]
    while len(powers) < T:
        powers = torch.cat([powers, W @ powers])
    return powers[:T].permute(1, 2, 0)


@mistake(
    "make_conv_kernel",
    "your kernel multiplies the second half by its last power, W^(m-1): it takes W^m",
    fails=KERNEL,
)
def last_power_as_step(W, T):
    powers = torch.eye(len(W))[None]
    while len(powers) < T:
        powers = torch.cat([powers, powers[-1] @ powers])
    return powers[:T].permute(1, 2, 0)


@mistake(
    "make_conv_kernel",
    "your kernel multiplies up powers that are powers already (the exponents go 0, 1, 3, 6): "
    "multiply up copies of W",
    fails=KERNEL,
)
def products_of_powers(W, T):
    power, product, products = torch.eye(len(W)), torch.eye(len(W)), []
    for _ in range(T):
        product = product @ power
        products.append(product)
        power = power @ W
    return torch.stack(products, -1)


@mistake(
    "make_conv_kernel",
    "your kernel is right up to lag 7 and zero from there on: W^l need not be small by then",
    fails=KERNEL,
)
def cut_after_eight_taps(W, T):
    K = torch.zeros(len(W), len(W), T)
    for lag in range(min(T, 8)):
        K[:, :, lag] = torch.linalg.matrix_power(W, lag)
    return K


@mistake(
    "make_conv_kernel",
    "your kernel is right to about three digits: something in it is computed in half precision",
    fails=KERNEL,
)
def kernel_in_half_precision(W, T):
    power, powers = torch.eye(len(W), dtype=torch.half), []
    for _ in range(T):
        powers.append(power.float())
        power = power @ W.half()
    return torch.stack(powers, -1)


@mistake(
    "make_conv_kernel",
    "the kernel is right, and the caller's W is squared by the call: W is changed in place",
    fails=(CONVOLVED_ANY,),
)
def W_squared_in_place(W, T):
    powers = torch.eye(len(W), dtype=W.dtype)[None]
    while len(powers) < T:
        powers = torch.cat([powers, W @ powers])
        W.copy_(W @ W)
    return powers[:T].permute(1, 2, 0)


@mistake(
    "make_conv_kernel",
    "nothing is returned: end the function with a `return` (printing a result does not hand it on)",
    fails=KERNEL,
)
def kernel_not_returned(W, T):
    torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)], -1)
