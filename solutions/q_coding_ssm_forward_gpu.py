# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: q_coding_ssm_forward_gpu
# init_cell: true
# tests:
#   files: false
#   ok_format: false

# %% [markdown]
# # State-space models forward, on the GPU
#
# Problem 2, parts d to f · 15 points: 11 for code, 4 for words · about two hours
#
# On the CPU the recurrence had little to do and much to wait for, and the convolution the other way
# round. A GPU changes the price of both: it has arithmetic to spare, in thousands of units, but
# every single step that it is asked for costs some microseconds before it begins, however small it
# is. So run the same race again, on the other kind of machine, after saying how you think it will
# end.
#
# Then change the model. If W is diagonal, the units of the state no longer talk to one another, and
# both forms get cheaper. By how much, and which of them gains more, is less obvious than it looks.
#
# **No GPU?** Everything here also runs on a CPU, on smaller sizes, and all points for code can be
# earned there. Where a GPU is needed to see something, the notebook says so and invents nothing.
#
# **The model**, as in the CPU notebook:
#
# $$h_t = W h_{t-1} + U x_t + b, \qquad t = 1, \dots, T, \qquad h_0 = 0$$
#
# ```text
# h_t = W h_{t-1} + U x_t + b   for t = 1, ..., T, from h_0 = 0
# ```
#
# | symbol | shape | what it is |
# |:--|:--|:--|
# | `x` | (N, T, D) | the inputs: N sequences of T steps with D numbers each; `x[:, t - 1]` is x_t |
# | `W` | (H, H) | carries the state on from step to step; from 2f on it is diagonal |
# | `U` | (H, D) | brings the input in |
# | `b` | (H,) | a constant push at every step |
# | `h` | (N, T, H) | the states you are asked for; `h[:, t - 1]` is h_t |

# %%
import torch
import torch.nn.functional as F

from labkit import claims, plots, race, recorded, ssm, timing
from labkit.answers import needs
from labkit.inputs import diagonal_ssm_inputs, ssm_inputs

torch.manual_seed(8)
torch.backends.cudnn.allow_tf32 = False  # float32 stays float32 in a GPU's convolutions too
D = 32  # inputs a step, in all measurements below
on_gpu = torch.cuda.is_available()
device = torch.device("cuda" if on_gpu else "cpu")


def there(arguments):
    """The same tensors on the device that this notebook measures."""
    return tuple(argument.to(device) for argument in arguments)


hint = "" if on_gpu else ": there is no CUDA here, so the sizes below are smaller"
print(f"Measuring on {recorded.machine(device)}{hint}.")

# %% [raw]
# # BEGIN QUESTION
# name: q2d
# points: 4

# %% [markdown]
# ## 2d · The same functions, wherever the tensors are
# 4 points · difficulty 1 of 3 · about 20 minutes
#
# Bring your three functions over from the CPU notebook. The mathematics stays, and so do the
# shapes. What is new is that a tensor lives somewhere: it has a device and a dtype. Tensors that
# meet in one operation must be on the same device, and in a matrix product or a convolution they
# must have the same dtype too. Your inputs come with theirs. What surprises people are the tensors
# that they make themselves: a `torch.zeros(N, H)` is on the CPU and in float32, whatever the inputs
# are. So let every new tensor take after an input: `x.new_zeros(N, H)`, or
# `torch.eye(H, dtype=W.dtype, device=W.device)`.
#
# (`torch.set_default_device("cuda")` makes the error go away without fixing it: the function works
# until somebody calls it with tensors that are elsewhere. You may use it here all the same.)
#
# Without a GPU you cannot see a tensor on the wrong device. But one that was made without a device
# was nearly always made without a dtype too, and that shows anywhere: in float64 it stops with an
# error, or is right to seven digits where fifteen were possible. One of the checks, for 1 of the 4
# points, calls your functions with float64.
#
# **An example.** W = 0.1, U = 2, b = 1 and x = 4, 0, all of them float64, give h = 9, 1.9, and a
# kernel of three taps 1, 0.1, 0.01 (in either order, as before).

# %% [raw]
# # BEGIN SOLUTION


# %%
def unrolled_ssm_forward(W, U, b, x):
    """All states of the SSM, one step after another, on the device and in the dtype of x.

    W (H, H), U (H, D), b (H,), x (N, T, D) -> h (N, T, H), where h[:, t - 1] is h_t.
    """
    # BEGIN SOLUTION
    h = x.new_zeros(x.shape[0], W.shape[0])  # (N, H)
    states = []
    for x_t in x.unbind(1):  # (N, D)
        h = h @ W.T + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, dim=1)  # (N, T, H)
    # END SOLUTION


# %%
def make_conv_kernel(W, T):
    """The powers of W as a convolution kernel, by divide and conquer, where W is.

    W (H, H), T >= 1 -> K (H, H, T), where K[:, :, l] is W^l.
    """
    # BEGIN SOLUTION
    powers = torch.eye(len(W), dtype=W.dtype, device=W.device)[None]  # (m, H, H): W^0 .. W^{m-1}
    step = W  # W^m
    while len(powers) < T:
        powers = torch.cat([powers, step @ powers])
        step = step @ step
    return powers[:T].permute(1, 2, 0)
    # END SOLUTION


# %%
def conv_ssm_forward(W, U, b, x):
    """All states of the SSM, as one convolution, on the device and in the dtype of x.

    W (H, H), U (H, D), b (H,), x (N, T, D) -> h (N, T, H), where h[:, t - 1] is h_t.
    """
    # BEGIN SOLUTION
    T = x.shape[1]
    K = make_conv_kernel(W, T)  # (H, H, T)
    v = (x @ U.T + b).transpose(1, 2)  # (N, H, T): what enters at each step
    v = F.pad(v, (T - 1, 0))  # zeros before the first step keep it causal
    h = F.conv1d(v, K.flip(-1))  # conv1d slides without reversing, so the kernel is reversed
    return h.transpose(1, 2)  # (N, T, H)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: the example, in float64, on the GPU if there is one
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_where_the_inputs_are(unrolled_ssm_forward, make_conv_kernel, conv_ssm_forward):
    import torch
    from labkit.chance import no_chance
    from labkit.checks import as_tensor, same

    here = {"device": "cuda" if torch.cuda.is_available() else "cpu", "dtype": torch.float64}
    W, U = torch.tensor([[0.1]], **here), torch.tensor([[2.0]], **here)
    b, x = torch.tensor([1.0], **here), torch.tensor([[[4.0], [0.0]]], **here)
    h, powers = torch.tensor([[[9.0], [1.9]]], **here), torch.tensor([[[1.0, 0.1, 0.01]]], **here)
    for forward in (unrolled_ssm_forward, conv_ssm_forward):
        args = (a.clone() for a in (W, U, b, x))
        with no_chance(forward, W, U, b, x):
            same(forward(*args), h, rtol=1e-12, about=forward.__name__, show=True)
    K = as_tensor(make_conv_kernel(W, 3)).sort(descending=True).values
    same(K, powers, rtol=1e-12, about="make_conv_kernel", show=True)


test_where_the_inputs_are(unrolled_ssm_forward, make_conv_kernel, conv_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: a delayed input delays the states
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_delay_on_device(unrolled_ssm_forward, conv_ssm_forward):
    import torch
    from labkit.checks import of_shape, same
    from labkit.inputs import rotation

    there = "cuda" if torch.cuda.is_available() else "cpu"
    W, U, b = rotation(0.4, 0.9).to(there), torch.eye(2).to(there), torch.zeros(2).to(there)
    x = torch.eye(2).repeat(1, 3, 1).to(there)
    delayed = torch.cat([torch.zeros_like(x[:, :2]), x], dim=1)
    for forward in (unrolled_ssm_forward, conv_ssm_forward):
        about = forward.__name__
        h = of_shape(forward(W, U, b, x.clone()), 1, 6, 2, about=about)
        h_delayed = of_shape(forward(W, U, b, delayed.clone()), 1, 8, 2, about=about)
        same(h_delayed[:, 2:], h, rtol=1e-5, about=about, show=True)


test_delay_on_device(unrolled_ssm_forward, conv_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the recurrence at any length, inputs left alone
points: 1
hidden: true
"""  # END TEST CONFIG


def test_recurrence(unrolled_ssm_forward):
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import ssm

    for case in ssm.cases(T=(7, 1, 2, 64, 300), radius=0.98):
        expected = ssm.recurrence(*case.args)
        case.same(unrolled_ssm_forward(*case.args), expected)
        leaves_inputs_alone(unrolled_ssm_forward, *case.args, names="WUbx")


test_recurrence(unrolled_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the kernel at any length
points: 1
hidden: true
"""  # END TEST CONFIG


def test_kernel(make_conv_kernel):
    from solutions.reference import ssm

    for case in ssm.kernel_cases(T=(7, 1, 2, 64, 100), radius=0.98):
        expected = ssm.kernel(*case.args)
        case.same(ssm.by_lag(make_conv_kernel(*case.args)), expected)


test_kernel(make_conv_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the convolution at any length, inputs left alone
points: 1
hidden: true
"""  # END TEST CONFIG


def test_convolution(conv_ssm_forward):
    from labkit.chance import no_chance
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import ssm

    for case in ssm.cases(T=(7, 1, 2, 64, 100), radius=0.98):
        expected = ssm.recurrence(*case.args)
        with no_chance(conv_ssm_forward, *case.args):
            case.same(conv_ssm_forward(*case.args), expected)
        leaves_inputs_alone(conv_ssm_forward, *case.args, names="WUbx")


test_convolution(conv_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: each in double precision, inputs left alone
points: 1
hidden: true
"""  # END TEST CONFIG


def test_in_double(unrolled_ssm_forward, make_conv_kernel, conv_ssm_forward):
    from solutions.reference import ssm
    from solutions.reference.ssm_diagonal import right_in_double

    cases = list(ssm.cases(T=(7, 150), radius=0.98))
    kernel_cases = ssm.kernel_cases(T=(7, 64), radius=0.98)
    right_in_double(unrolled_ssm_forward, ssm.recurrence, cases)
    right_in_double(make_conv_kernel, ssm.kernel, kernel_cases, read=ssm.by_lag)
    right_in_double(conv_ssm_forward, ssm.recurrence, cases)


test_in_double(unrolled_ssm_forward, make_conv_kernel, conv_ssm_forward)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See how far apart your two functions are**, on this device. The convolution adds up in another
# order than the loop, and a GPU in another one again, so a few roundings are to be expected. More
# than that, or a step from which they diverge, is not. (By default torch lets recent GPUs round
# what goes into a convolution, though not what goes into a matrix product, to the 10 bits of TF32,
# where float32 has 23: that is faster, and some 8000 times coarser. The first cell forbids it, so
# that your two functions run the same race. On a GPU, allow it there and look again.)

# %% tags=["otter_ignore"]
with needs("2d"):
    inputs = there(ssm_inputs(32, 256, D, 16))
    plots.differences(unrolled_ssm_forward(*inputs), conv_ssm_forward(*inputs))

# %% [markdown]
# <details><summary>Hint 1: which lines to look at</summary>
#
# Search your three functions for `torch.zeros`, `torch.ones`, `torch.eye`, `torch.empty`,
# `torch.arange`, `torch.tensor` and `nn.Conv1d`: these make something from nothing. Everything else
# (`x @ ...`, `F.pad`, `torch.stack`, `torch.cat`, `flip`) goes where its arguments are.
# </details>
#
# <details><summary>Hint 2: what to write there</summary>
#
# `x.new_zeros(shape)`, `torch.zeros_like(x)` and `torch.eye(n, dtype=W.dtype, device=W.device)`
# take device and dtype from a tensor you have. A module goes where x is with `conv.to(x)`; with
# `F.conv1d` there is none to move.
# </details>

# %% [markdown]
# ## One benchmark, four clocks
#
# Before any race, look at the clock. Operations on a GPU are only *queued* when their call returns;
# a clock that does not wait for the queue to run empty measures how fast Python can ask. The next
# cell puts one question, how long your convolution takes compared with your recurrence, to four
# clocks. One does not wait. One waits, and draws W as 0.05 times normal numbers, as the homework's
# own benchmark did: on a CPU the kernel then runs into denormal numbers, on which some processors
# take many times as long (a GPU does not mind them). One warms up once, at another size, and takes
# the mean of three. The last one is fair. **Which of them would have led you to another
# conclusion?**

# %% tags=["otter_ignore"]
with needs("2d"):
    H, T = (256, 128) if on_gpu else (8, 64)
    W, U, b, x = there(ssm_inputs(32, T, D, H))
    readings = timing.four_clocks(
        unrolled_ssm_forward,
        conv_ssm_forward,
        args=(W, U, b, x),
        small_args=(0.05 * torch.randn(H, H).to(device), U, b, x),
        fresh_args=[there(ssm_inputs(32, T - n, D, H)) for n in range(1, 10)],
    )
    if not on_gpu:
        readings.pop(timing.DOES_NOT_WAIT)
        print("Without a GPU there is nothing to wait for: on a CPU an operation has finished when")
        print("its call returns. So the clock that does not wait is left out, and three are shown.")
    print(f"H = {H}, T = {T}, N = 32")
    plots.clocks(readings, "recurrence", "convolution")

# %% [raw]
# # BEGIN QUESTION
# name: q2e_6
# manual: true
# points: 2

# %% [markdown]
# ## 2e Q6 · Is it the same race on a GPU?
# 2 points · difficulty 2 of 3 · about 30 minutes
#
# You know how it went on the CPU: for small H the convolution won over a range of lengths, and for
# large H it lost. On a GPU every operation is a *launch*, which costs some microseconds before it
# begins, however small it is, and a large convolution is what a GPU was built for. The counter of
# the CPU notebook needs neither a clock nor a GPU to say how many operations your functions start:

# %% tags=["otter_ignore"]
with needs("2d"):
    forms = {"recurrence": unrolled_ssm_forward, "convolution": conv_ssm_forward}
    ssm.launches(forms, lambda T: there(ssm_inputs(32, T, D, 4)), (8, 32, 128, 512))

# %% [markdown]
# Multiply by some 5 to 10 microseconds, and you have the least time that a GPU will take. **For
# each H, from which T on do you expect the convolution to be faster on the machine that you measure
# on?** Write a number between 8 and 512, or `None` for never. (On a CPU the last two are not
# measured.) Nothing here is graded; being wrong is worth more than leaving it out.

# %% [raw]
# # BEGIN SOLUTION

# %%
my_crossing = {}
my_crossing[4] = 16  # SOLUTION
my_crossing[16] = 32  # SOLUTION
my_crossing[64] = None  # SOLUTION
my_crossing[256] = None  # SOLUTION
my_crossing[512] = None  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [markdown]
# Now measure, in under a minute. W is 0.99 times a random orthogonal matrix, so that its powers
# neither die out nor explode at any H (0.05 times normal numbers explode at H = 512). The clock
# waits for the device, the two take turns, and the median counts.

# %% tags=["otter_ignore"]
with needs("2d"):
    measured = timing.sweep(
        forms,
        lambda H, T: there(ssm_inputs(32, T, D, H)),
        [
            {"H": H, "T": T}
            for H in ((4, 16, 64, 256, 512) if on_gpu else (4, 16, 64))
            for T in ((8, 32, 128, 256, 512) if on_gpu else (8, 32, 128, 256))
        ],
    )

# %% tags=["otter_ignore"]
with needs("2d", "the measurement above"):
    race.draw(measured, my_crossing)

# %% tags=["otter_ignore"]
if not on_gpu:
    claims.show_recorded("2e")

# %% [markdown]
# What happens as T grows, and what as H grows? Which of the two forms is held up by waiting and
# which by arithmetic, at each corner of your plot, and is it the trend that you saw on the CPU? The
# homework's solution says that on a GPU the convolution is faster for small H, and that for large H
# the recurrence catches up because making the kernel takes H^3 operations: use your counts of 2c to
# say for which T the kernel is the larger part of the convolution's work (N = 32), and what it is
# that grows at the others. If you have no GPU, answer for the machine you have, and compare it with
# the figure above, measured on one (lines: the fair way; crosses: the original benchmark's).

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# The recurrence is T steps that wait for one another, a few launches each. On a GPU a launch costs
# some microseconds however small it is, so its time is proportional to T and nearly flat in H,
# until a single step is large enough to fill the device. The convolution is some three launches for
# each doubling of the kernel and one large convolution: nearly flat in both T and H while the
# device is not full, then growing like T^2 H^2. So the convolution wins for small H from short T
# on, by more the longer T is, and the range in which it wins reaches to larger H than on a CPU,
# because the arithmetic that made it lose there is nearly free. In the far corner (H = 512 and T =
# 512, 4.4e12 operations) even a GPU is full, and the recurrence wins. The trend has the same shape
# as on the CPU: overhead decides at one end, work at the other. What has moved is where they meet.
# On an H100, time of the convolution / the recurrence at T = 512: 0.02 for H = 4 and 16, 0.11 for
# 64, 1.2 for 256, 3.7 for 512. (The original benchmark's clock, which does not wait, reads 0.02 at
# that last one.)
#
# Kernel over convolution is 2 T H^3 / (2 N T^2 H^2) = H / (N T). With N = 32 it is above 1 only
# where H is above 32 T: at T = 8 for H above 256. There the official solution is right: the kernel
# is what costs (at H = 512, T = 8 it is twice the convolution). From T = 32 on, at these H, it is
# the convolution itself, N T^2 H^2, and at T = 512 the kernel is 3% of it.
#
# **Rubric.** 1 for the two regimes: launches or steps (proportional to T, flat in H) for the
# recurrence; parallel and flat, then T^2 H^2, for the convolution; and a comparison with the CPU's
# trend. 1 for the work: H / (N T), or that the kernel matters for short T and large H only, and the
# convolution's T^2 H^2 otherwise. Judge by the student's own plot: machines differ. Without a GPU a
# reasoned expectation earns the same.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2f
# points: 7

# %% [markdown]
# ## 2f · A diagonal W
# 7 points · difficulty 2 of 3 · about 35 minutes
#
# Let W be diagonal, with entries a_1, ..., a_H. Then W h is a times h, entry by entry, every unit
# has its own little recursion, and no unit affects another:
#
# $$h_{t,i} = a_i\, h_{t-1,i} + (U x_t + b)_i, \qquad
#   h_{t,i} = \sum_{\ell=0}^{t-1} a_i^{\ell}\,(U x_{t-\ell} + b)_i$$
#
# ```text
# h_t,i = a_i h_{t-1},i + (U x_t + b)_i
# h_t,i = sum over l = 0, ..., t-1 of a_i^l (U x_{t-l} + b)_i
# ```
#
# This gives up less than it seems to: nearly every W is diagonal in a basis of its own (with
# complex entries), and the models that made state-space layers practical are diagonal for that
# reason (S4D, Gu and others 2022). The convolution becomes *depthwise*: one kernel for each
# channel, which is what `conv1d` does with `groups=H`. Three functions; W still comes as a matrix
# (H, H), with zeros off its diagonal, and your tensors go where the inputs are, as in 2d:
#
# - `make_diag_depthwise_kernel(W, T)`: the powers of each entry, (H, 1, T), in either order as
#   before. No chain of matrix products is left to shorten: any way to the powers is welcome, as long
#   as it takes powers of entries and not of the whole matrix.
# - `diag_conv_ssm_forward(W, U, b, x)`: the states by a depthwise convolution.
# - `diag_unrolled_ssm_forward(W, U, b, x)`: the states one step after another, without a product by
#   W.
#
# What surprises people is a negative entry: its powers alternate, and it has no logarithm. Nor has
# 0, by which nothing can be divided either, and a small entry's powers soon are 0 in float32.
#
# **An example.** Two units, W = diag(0.5, -1), b = 0, three steps:
#
# ```text
#           kernel           U x        h
# unit 1    1   0.5   0.25   4  2  0    4   4  2
# unit 2    1  -1     1      9  0  0    9  -9  9
# ```
#
# **How this is checked.** The homework's own check took W = c times the identity and compared two
# of your functions with each other. A function that reads W[0, 0] and nothing else passes that, and
# so does a mistake that is made in both. Ours takes diagonals whose entries differ in size and in
# sign, with a 0 among them, and compares each function with the definition, in float64. And one
# point, half for each form, is for the work, counted in torch's operations: sixteen times the H may
# take about sixteen times as many, and not 256 times.

# %% [raw]
# # BEGIN SOLUTION


# %%
def make_diag_depthwise_kernel(W, T):
    """The powers of the entries of a diagonal W, as the kernel of a depthwise convolution.

    W (H, H), diagonal, T >= 1 -> K (H, 1, T), where K[i, 0, l] is W_ii^l.
    """
    # BEGIN SOLUTION
    a = W.diagonal()  # (H,)
    return (a[:, None] ** torch.arange(T, device=W.device))[:, None]  # (H, 1, T)
    # END SOLUTION


# %%
def diag_conv_ssm_forward(W, U, b, x):
    """All states of the SSM with a diagonal W, as one depthwise convolution.

    W (H, H), diagonal, U (H, D), b (H,), x (N, T, D) -> h (N, T, H), where h[:, t - 1] is h_t.
    """
    # BEGIN SOLUTION
    T, H = x.shape[1], len(b)
    K = make_diag_depthwise_kernel(W, T)  # (H, 1, T)
    v = F.pad((x @ U.T + b).transpose(1, 2), (T - 1, 0))  # (N, H, 2T - 1)
    return F.conv1d(v, K.flip(-1), groups=H).transpose(1, 2)  # (N, T, H)
    # END SOLUTION


# %%
def diag_unrolled_ssm_forward(W, U, b, x):
    """All states of the SSM with a diagonal W, one step after another.

    W (H, H), diagonal, U (H, D), b (H,), x (N, T, D) -> h (N, T, H), where h[:, t - 1] is h_t.
    """
    # BEGIN SOLUTION
    a = W.diagonal()  # (H,)
    h = x.new_zeros(x.shape[0], len(b))  # (N, H)
    states = []
    for x_t in x.unbind(1):  # (N, D)
        h = a * h + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, dim=1)  # (N, T, H)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
name: the powers of two entries, in either order
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_powers_of_two_entries(make_diag_depthwise_kernel):
    import torch
    from labkit.checks import as_tensor, same

    W = torch.diag(torch.tensor([0.5, 0.0]))
    W = W.to("cuda" if torch.cuda.is_available() else "cpu")
    K = as_tensor(make_diag_depthwise_kernel(W, 3)).sort(descending=True).values
    powers = torch.tensor([[[1.0, 0.5, 0.25]], [[1.0, 0.0, 0.0]]])
    same(K, powers, rtol=1e-6, axes=("unit", "input", "lag"), show=True)


test_powers_of_two_entries(make_diag_depthwise_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the example worked by hand
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_diagonal_by_hand(diag_conv_ssm_forward, diag_unrolled_ssm_forward):
    import torch
    from labkit.chance import no_chance
    from labkit.checks import same

    there = "cuda" if torch.cuda.is_available() else "cpu"
    W, U = torch.tensor([0.5, -1.0]).diag().to(there), torch.eye(2).to(there)
    b, x = torch.zeros(2).to(there), torch.tensor([[[4.0, 9.0], [2.0, 0.0], [0.0, 0.0]]]).to(there)
    states = torch.tensor([[[4.0, 9.0], [4.0, -9.0], [2.0, 9.0]]])
    for forward in (diag_conv_ssm_forward, diag_unrolled_ssm_forward):
        args = (a.clone() for a in (W, U, b, x))
        with no_chance(forward, W, U, b, x):
            same(forward(*args), states, rtol=1e-6, about=forward.__name__, show=True)


test_diagonal_by_hand(diag_conv_ssm_forward, diag_unrolled_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: what enters one unit stays there
points: 0
hidden: false
success_message: Right so far. Hidden checks on other sizes follow and decide the score.
"""  # END TEST CONFIG


def test_units_apart(diag_conv_ssm_forward, diag_unrolled_ssm_forward):
    import torch
    from labkit.checks import of_shape, same
    from labkit.inputs import diagonal_ssm_inputs

    W, _, _, x = diagonal_ssm_inputs(2, 6, 4, 4, generator=torch.Generator().manual_seed(1))
    x[:, :, 1:], W[1, 1] = 0, 0
    there = "cuda" if torch.cuda.is_available() else "cpu"
    W, U, b, x = W.to(there), torch.eye(4).to(there), torch.zeros(4).to(there), x.to(there)
    for forward in (diag_conv_ssm_forward, diag_unrolled_ssm_forward):
        h = of_shape(forward(W, U, b, x.clone()), 2, 6, 4, about=forward.__name__)
        same(h[:, :, 1:], torch.zeros(2, 6, 3), rtol=1e-6, about=forward.__name__, show=True)


test_units_apart(diag_conv_ssm_forward, diag_unrolled_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the kernel at powers of two
points: 1
hidden: true
"""  # END TEST CONFIG


def test_diagonal_kernel_powers_of_two(make_diag_depthwise_kernel):
    from solutions.reference import ssm_diagonal

    for case in ssm_diagonal.kernel_cases(T=(16, 1, 2, 64), radius=0.98):
        expected = ssm_diagonal.kernel(*case.args)
        case.same(ssm_diagonal.by_lag(make_diag_depthwise_kernel(*case.args)), expected)


test_diagonal_kernel_powers_of_two(make_diag_depthwise_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the kernel at any length
points: 1
hidden: true
"""  # END TEST CONFIG


def test_diagonal_kernel_any_length(make_diag_depthwise_kernel):
    from solutions.reference import ssm_diagonal

    for case in ssm_diagonal.kernel_cases(T=(7, 3, 300), radius=0.99):
        expected = ssm_diagonal.kernel(*case.args)
        case.same(ssm_diagonal.by_lag(make_diag_depthwise_kernel(*case.args)), expected)


test_diagonal_kernel_any_length(make_diag_depthwise_kernel)

# %%
""" # BEGIN TEST CONFIG
name: the convolution at powers of two
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_diagonal_conv_powers_of_two(diag_conv_ssm_forward):
    from labkit.chance import no_chance
    from solutions.reference import ssm_diagonal

    for case in ssm_diagonal.cases(T=(16, 1, 2, 64), radius=0.98):
        expected = ssm_diagonal.recurrence(*case.args)
        with no_chance(diag_conv_ssm_forward, *case.args):
            case.same(diag_conv_ssm_forward(*case.args), expected)


test_diagonal_conv_powers_of_two(diag_conv_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the convolution at any length, inputs left alone
points: 1
hidden: true
"""  # END TEST CONFIG


def test_diagonal_conv_any_length(diag_conv_ssm_forward):
    from labkit.chance import no_chance
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import ssm_diagonal

    for case in ssm_diagonal.cases(T=(7, 3, 300), radius=0.99):
        expected = ssm_diagonal.recurrence(*case.args)
        with no_chance(diag_conv_ssm_forward, *case.args):
            case.same(diag_conv_ssm_forward(*case.args), expected)
        leaves_inputs_alone(diag_conv_ssm_forward, *case.args, names="WUbx")


test_diagonal_conv_any_length(diag_conv_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the recurrence at any length
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_diagonal_recurrence(diag_unrolled_ssm_forward):
    from solutions.reference import ssm_diagonal

    for case in ssm_diagonal.cases(T=(7, 1, 2, 64), radius=0.98):
        expected = ssm_diagonal.recurrence(*case.args)
        case.same(diag_unrolled_ssm_forward(*case.args), expected)


test_diagonal_recurrence(diag_unrolled_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the recurrence with long memory, inputs left alone
points: 1
hidden: true
"""  # END TEST CONFIG


def test_diagonal_long_memory(diag_unrolled_ssm_forward):
    from labkit.checks import leaves_inputs_alone
    from solutions.reference import ssm_diagonal

    for case in ssm_diagonal.cases(T=(300,), radius=0.99):
        expected = ssm_diagonal.recurrence(*case.args)
        case.same(diag_unrolled_ssm_forward(*case.args), expected)
        leaves_inputs_alone(diag_unrolled_ssm_forward, *case.args, names="WUbx")


test_diagonal_long_memory(diag_unrolled_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the work of the convolution grows like H
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_diagonal_conv_work(diag_conv_ssm_forward):
    from labkit.costs import grows_at_most, size_from
    from solutions.reference import ssm_diagonal

    args, small = {}, size_from(6, 8)
    sizes = (small, 16 * small)
    for H in sizes:
        for case in ssm_diagonal.cases(T=(16,), radius=0.98, H=H):
            args[H] = case.args
            case.same(diag_conv_ssm_forward(*case.args), ssm_diagonal.recurrence(*case.args))
    law = {"factor": 40, "quantity": "work", "size": "H"}
    advice = "Is there still a product by all of W?"
    grows_at_most(diag_conv_ssm_forward, args.get, sizes, **law, advice=advice)


test_diagonal_conv_work(diag_conv_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: the work of the recurrence grows like H
points: 0.5
hidden: true
"""  # END TEST CONFIG


def test_diagonal_recurrence_work(diag_unrolled_ssm_forward):
    from labkit.costs import grows_at_most, size_from
    from solutions.reference import ssm_diagonal

    args, small = {}, size_from(6, 8)
    sizes = (small, 16 * small)
    for H in sizes:
        for case in ssm_diagonal.cases(T=(16,), radius=0.98, H=H):
            args[H] = case.args
            case.same(diag_unrolled_ssm_forward(*case.args), ssm_diagonal.recurrence(*case.args))
    law = {"factor": 40, "quantity": "work", "size": "H"}
    advice = "Is there still a product by all of W?"
    grows_at_most(diag_unrolled_ssm_forward, args.get, sizes, **law, advice=advice)


test_diagonal_recurrence_work(diag_unrolled_ssm_forward)

# %%
""" # BEGIN TEST CONFIG
name: each in double precision, inputs left alone
points: 1
hidden: true
"""  # END TEST CONFIG


def test_diagonal_in_double(
    make_diag_depthwise_kernel, diag_conv_ssm_forward, diag_unrolled_ssm_forward
):
    from solutions.reference import ssm_diagonal as diagonal

    cases = list(diagonal.cases(T=(7, 150), radius=0.98))
    kernel_cases = diagonal.kernel_cases(T=(7, 150), radius=0.98)
    right = diagonal.right_in_double
    right(make_diag_depthwise_kernel, diagonal.kernel, kernel_cases, read=diagonal.by_lag)
    right(diag_conv_ssm_forward, diagonal.recurrence, cases)
    right(diag_unrolled_ssm_forward, diagonal.recurrence, cases)


test_diagonal_in_double(
    make_diag_depthwise_kernel, diag_conv_ssm_forward, diag_unrolled_ssm_forward
)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# **See your kernel.** Four units with known powers. Your taps are the dots; if you keep the
# reversed order, they are the mirror image of the line, and that is fine. Four equal panels would
# mean that one entry is used for all, a missing zigzag that a sign was lost.

# %% tags=["otter_ignore"]
with needs("2f"):
    ssm.taps(make_diag_depthwise_kernel)

# %% [markdown]
# <details><summary>Hint 1: the kernel in one line</summary>
#
# What you want is a table of H rows and T columns: row i holds the powers of a_i. A column of
# entries, (H, 1), and a row of exponents, (T,), make such a table by broadcasting. `W.diagonal()`
# gives you the entries (it is a view of W: do not write into it).
# </details>
#
# <details><summary>Hint 2: groups</summary>
#
# `F.conv1d(signal, weight, groups=H)` takes signal (N, H, length) and weight (H, 1, taps), and
# channel i of the signal meets row i of the weight and nothing else. Padding and order of the
# kernel are as in 2b.
# </details>
#
# <details><summary>Hint 3: the recurrence</summary>
#
# Your loop of 2d, with one product changed: a (H,) times h (N, H) multiplies each column by its
# entry.
# </details>

# %% [raw]
# # BEGIN QUESTION
# name: q2f_7
# manual: true
# points: 2

# %% [markdown]
# ## 2f Q7 · What does a diagonal W change?
# 2 points · difficulty 2 of 3 · about 20 minutes
#
# Carrying the state on now takes 2 N H operations per step instead of 2 N H^2, and convolving it 2
# N T^2 H instead of 2 N T^2 H^2. The homework's solution observes that the depthwise convolution is
# then faster than the recurrence *for all H*. **Is that so on the machine that you measure on? For
# each H, from which T on do you expect the depthwise convolution to be faster?** A number between 8
# and 512, or `None` for never. (On a CPU the last one is not measured.)

# %% [raw]
# # BEGIN SOLUTION

# %%
my_diagonal_crossing = {}
my_diagonal_crossing[4] = 16  # SOLUTION
my_diagonal_crossing[16] = 16  # SOLUTION
my_diagonal_crossing[64] = 32  # SOLUTION
my_diagonal_crossing[256] = None  # SOLUTION
my_diagonal_crossing[512] = None  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [markdown]
# Measure both: on a GPU with N = 512, since there is less to do than before, on a CPU with N = 32.
# And then the other comparison: the same diagonal W given to your `conv_ssm_forward`, which knows
# nothing of the zeros, against the depthwise convolution, which has H times fewer operations.

# %% tags=["otter_ignore"]
with needs("2f"):
    diagonal = timing.sweep(
        {"recurrence": diag_unrolled_ssm_forward, "depthwise": diag_conv_ssm_forward},
        lambda H, T: there(diagonal_ssm_inputs(512 if on_gpu else 32, T, D, H)),
        [
            {"H": H, "T": T}
            for H in ((4, 16, 64, 256, 512) if on_gpu else (4, 16, 64, 256))
            for T in (8, 32, 128, 256, 512)
        ],
    )

# %% tags=["otter_ignore"]
with needs("2f", "the measurement above"):
    race.draw(diagonal, my_diagonal_crossing)

# %% tags=["otter_ignore"]
if not on_gpu:
    claims.show_recorded("2f")

# %% tags=["otter_ignore"]
with needs("2d", "2f"):
    dense = timing.sweep(
        {"dense": conv_ssm_forward, "depthwise": diag_conv_ssm_forward},
        lambda H, T: there(diagonal_ssm_inputs(32, T, D, H)),
        [{"H": H, "T": 128} for H in ((4, 16, 64, 256, 512) if on_gpu else (4, 8, 16, 32, 64))],
    )
    ssm.savings(dense)

# %% [markdown]
# What does a diagonal W change, for each of the two forms, in what is computed and in what it
# takes? For which H and T is the depthwise convolution faster in your plot, and is the homework's
# observation true on your machine? In the last figure the operations become H times fewer: does the
# time shrink as much? (Think of how often each number that is fetched gets used.)

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# The recurrence multiplies entry by entry, 2 N H operations a step instead of 2 N H^2, and still
# takes T steps that wait for one another: where overhead was what it took, that is, for small N H,
# nothing changes. The kernel is H T powers, each by itself, with no matrix product and no H^3 at
# all. The convolution has H times fewer operations, but its time falls by less than that, the more
# so the larger H is: a dense convolution is a product of large matrices, in which every number that
# is fetched is used many times, and the libraries run it near the machine's peak; in a depthwise
# one each channel meets its own T taps only, so it runs far below that peak. (Operations per number
# fetched: a dense convolution uses each of its inputs about H times per tap, a depthwise one once.
# Compare with your machine's operations per byte.)
#
# Depthwise against recurrence is once more overhead against work, 2 N T^2 H against 2 N T H: T
# times more. On a CPU depthwise wins for small H over a range of T and loses for large H (against a
# plain loop with T = 128 it took 0.42 times as long at H = 4, 0.37 at H = 16, 1.2 at H = 64 and 2.5
# at H = 256 on the machine it was tried on; against a loop that works out all U x_t beforehand it
# wins less), so there "faster for all H" does not hold. On a GPU the range is much larger, and the
# observation can be true of every size that was measured: on an H100 it was, from 0.01 times as
# long at H = 4, T = 512 to 0.8 at H = 512, T = 512. It still cannot be true for all T, since T^2
# grows beyond anything.
#
# **Rubric.** 1 for what changes: H times less work in both, no H^3 for the kernel, the T steps in a
# row stay; and that the time saved is less than H, with any sensible reason (overhead, less reuse
# of what is loaded, a less tuned routine). 1 for where depthwise is faster in the student's own
# plot, and whether "for all H" holds there. Machines differ: what counts is that the words fit the
# plot.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [markdown]
# ## What you found
#
# Where the convolution was faster, where you had expected it, and how the two compare at the
# longest T:

# %% tags=["otter_ignore"]
with needs("2d", "2f", "the measurements in Q6 and Q7"):
    ssm.findings(
        {"full": (measured, my_crossing), "diagonal": (diagonal, my_diagonal_crossing)},
    )

# %% [markdown]
# ## Beyond

# %% [raw]
# # BEGIN QUESTION
# name: q2_fast
# manual: true
# points: 0

# %% [markdown]
# ## Challenge · The fastest you can
# No points · difficulty 3 of 3 · as long as you like
#
# A full W again, and any method: `fast_ssm_forward(W, U, b, x)` gives the same states as
# `unrolled_ssm_forward`, and the faster the better. Between the two forms you have there is a whole
# family: chunks of about sqrt(T) steps that run side by side, with one state passed along from each
# to the next; an associative scan, in log T rounds; spectra instead of windows. Which is best
# depends on H, on T and on the machine, so a good answer may well look at the sizes first.

# %% [raw]
# # BEGIN SOLUTION


# %%
def fast_ssm_forward(W, U, b, x):
    """All states of the SSM, by any method.

    W (H, H), U (H, D), b (H,), x (N, T, D) -> h (N, T, H), where h[:, t - 1] is h_t.
    """
    # BEGIN SOLUTION
    N, T, _ = x.shape
    H, C = len(b), max(1, round(T**0.5))  # C steps a chunk
    v = F.pad(x @ U.T + b, (0, 0, 0, -T % C)).view(N, -1, C, H)  # (N, chunks, C, H)
    h = torch.zeros_like(v)
    state = torch.zeros_like(v[:, :, 0])
    for i in range(C):  # step i of all chunks at once, each from 0
        state = state @ W.T + v[:, :, i]
        h[:, :, i] = state
    inherited = [torch.zeros_like(v[:, 0, 0])]  # what each chunk should have begun from
    jump = torch.linalg.matrix_power(W, C).T
    for last in h[:, :-1, -1].unbind(1):
        inherited.append(inherited[-1] @ jump + last)
    state = torch.stack(inherited, dim=1)  # (N, chunks, H)
    for i in range(C):
        state = state @ W.T
        h[:, :, i] += state
    return h.view(N, -1, H)[:, :T]
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [markdown]
# **Is it right?** When its states are put into the model's own equation, next to nothing may be
# left over. This check needs no second program, and so shares no mistakes with one.

# %% tags=["otter_ignore"]
with needs("the challenge"):
    for N, T, H in ((3, 1, 4), (3, 7, 5), (2, 100, 16), (2, 512, 3)):
        inputs = there(ssm_inputs(N, T, D, H))
        left = ssm.residual(*inputs, fast_ssm_forward(*inputs))
        verdict = "right" if left < 1e-5 else "not yet right"
        print(f"N = {N}, T = {T}, H = {H}: left over {left:.0e} of the largest state, {verdict}")

# %% tags=["otter_ignore"]
with needs("2d", "the challenge"):
    contest = timing.sweep(
        {**forms, "fast": fast_ssm_forward},
        lambda H, T: there(ssm_inputs(32, T, D, H)),
        [{"H": 4, "T": 512}, {"H": 16, "T": 256}, {"H": 64, "T": 128}],
    )
    ssm.standings(contest)

# %% [markdown]
# **For those who have no GPU.** If you measured on one, these two lines keep your measurements in
# `data/measurements/`. A notebook without CUDA that finds such a file shows it, with the name of
# the machine.
#
# ```python
# recorded.keep("2e", measured, recorded.machine(device))
# recorded.keep("2f", diagonal, recorded.machine(device))
# ```
