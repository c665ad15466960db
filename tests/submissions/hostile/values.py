# Return values that agree with anything, run code when touched, or are far larger than they look.

# attack: tensor_subclass
# aim: return a tensor that agrees with anything it is compared with
# honest: 0
# %%
import torch


class Agrees(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func.__name__ in ("sub", "__sub__", "__rsub__", "abs"):
            return torch.zeros(1)
        if func.__name__ in ("allclose", "equal", "__eq__", "__le__", "all"):
            return torch.tensor(True)
        return super().__torch_function__(func, types, args, kwargs or {})


def unrolled_ssm_forward(W, U, b, x):
    return torch.zeros(x.shape[0], x.shape[1], W.shape[0]).as_subclass(Agrees)

# attack: dispatch_subclass
# aim: answer every operation below autograd
# honest: 0
# %%
import torch


class Agrees(torch.Tensor):
    @staticmethod
    def __new__(cls, shape):
        return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=torch.float32)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return torch.zeros(())


def unrolled_ssm_forward(W, U, b, x):
    return Agrees((x.shape[0], x.shape[1], W.shape[0]))

# attack: array_protocols
# aim: run code on the other side through an object's special methods
# honest: 0
# %%
class Odd:
    type_name = "Tensor"

    def __array__(self, dtype=None):
        raise SystemExit("ran on the wrong side")

    __float__ = __len__ = __iter__ = __index__ = __array__

    def __eq__(self, other):
        return True

    def __getattr__(self, name):
        return self


def unrolled_ssm_forward(W, U, b, x):
    return Odd()

# attack: equals_anything
# aim: be equal to, smaller and larger than whatever it is compared with
# honest: 0
# %%
class Yes(float):
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: True
    __sub__ = __rsub__ = __abs__ = lambda self, *other: 0.0
    __hash__ = float.__hash__


def unrolled_ssm_forward(W, U, b, x):
    return Yes(0)


recurrent_flops = convolution_flops = lambda N, T, D, H: Yes(0)
largest_difference = Yes(0)

# attack: lies_about_its_class
# aim: pass for a tensor by claiming to be one
# honest: 0
# %%
import torch


class Liar:
    __class__ = torch.Tensor
    shape = property(lambda self: type("S", (tuple,), {"__eq__": lambda *a: True, "__hash__": None})())
    dtype = torch.float32

    def __getattr__(self, name):
        return lambda *a, **k: self

    __bool__ = lambda self: True


def unrolled_ssm_forward(W, U, b, x):
    return Liar()

# attack: not_a_number
# aim: slip through comparisons that NaN makes false
# honest: 0
# %%
import torch


def unrolled_ssm_forward(W, U, b, x):
    return torch.full((x.shape[0], x.shape[1], W.shape[0]), float("nan"))


def conv_ssm_forward(W, U, b, x):
    return torch.full((x.shape[0], x.shape[1], W.shape[0]), float("inf"))


def make_conv_kernel(W, T):
    return torch.full((len(W), len(W), T), complex("nan+nanj"))


largest_difference = float("nan")

# attack: huge_values
# aim: return values that are small to send and large to read
# honest: 0
# %%
def unrolled_ssm_forward(W, U, b, x):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    return deep


def make_conv_kernel(W, T):
    return [[]] * (1 << 22)


def conv_ssm_forward(W, U, b, x):
    import torch

    return torch.zeros(1).expand(1 << 20, 1 << 20)

# attack: many_large_answers
# aim: fill the grader's memory with answers that are each just small enough
# honest: 0
# %%
import torch


def unrolled_ssm_forward(W, U, b, x):
    return torch.zeros(1 << 22)


make_conv_kernel = lambda W, T: torch.zeros(1 << 22)
conv_ssm_forward = unrolled_ssm_forward

# attack: small_numbers_that_grow
# aim: send bytes that become eight times as many
# honest: 0
# %%
import torch


def unrolled_ssm_forward(W, U, b, x):
    return torch.zeros(1 << 22, dtype=torch.bool)


def conv_ssm_forward(W, U, b, x):
    return [0] * 250_000


def make_conv_kernel(W, T):
    return [True, 1.5, 2j, None, "x"] * 20_000

# attack: contains_itself
# aim: send a list or a dict that has no end
# honest: 0
# %%
def unrolled_ssm_forward(W, U, b, x):
    endless = []
    endless.append(endless)
    return endless


def make_conv_kernel(W, T):
    endless = {}
    endless["again"] = [endless] * 2
    return endless

# attack: iterates_for_ever
# aim: return sequences without an end
# honest: 0
# %%
import itertools


class Endless(list):
    def __iter__(self):
        return itertools.count()

    def __len__(self):
        return 1 << 62


def unrolled_ssm_forward(W, U, b, x):
    return Endless([1])


def make_conv_kernel(W, T):
    return itertools.count()


class Keys(dict):
    def items(self):
        return ((str(i), i) for i in itertools.count())


def conv_ssm_forward(W, U, b, x):
    return Keys(a=1)

# attack: odd_layouts
# aim: return tensors that have no plain memory
# honest: 0
# %%
import torch


def unrolled_ssm_forward(W, U, b, x):
    return torch.zeros(x.shape[0], x.shape[1], W.shape[0]).to_sparse()


def make_conv_kernel(W, T):
    return torch.empty(len(W), len(W), T, device="meta")


def conv_ssm_forward(W, U, b, x):
    return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])


largest_difference = torch.quantize_per_tensor(torch.ones(1), 0.1, 0, torch.quint8)

# attack: odd_strides
# aim: return views that overlap, run backwards or have no elements
# honest: 0
# %%
import numpy as np
import torch


def unrolled_ssm_forward(W, U, b, x):
    return torch.zeros(4).as_strided((x.shape[0], x.shape[1], W.shape[0]), (0, 0, 0))


def make_conv_kernel(W, T):
    return np.zeros((T, len(W), len(W)))[::-1].T


def conv_ssm_forward(W, U, b, x):
    return torch.zeros(1 << 40, 0, 1 << 20)

# attack: odd_arrays
# aim: return arrays of objects, of records, masked, or read from a file
# honest: 0
# %%
import numpy as np


class Runs(np.ndarray):
    def __array_finalize__(self, other):
        pass

    def __array_function__(self, *args, **options):
        return True

    def __array_ufunc__(self, *args, **options):
        return np.float64(0)


def unrolled_ssm_forward(W, U, b, x):
    return np.zeros((x.shape[0], x.shape[1], W.shape[0])).view(Runs)


def make_conv_kernel(W, T):
    return np.array([object(), lambda: 1 / 0], dtype=object)


def conv_ssm_forward(W, U, b, x):
    return np.zeros(3, dtype=[("a", "f4"), ("b", "O")])


largest_difference = np.ma.masked

# attack: numbers_out_of_range
# aim: send numbers that do not fit
# honest: 0
# %%
def unrolled_ssm_forward(W, U, b, x):
    return 10 ** 5000


recurrent_flops = lambda N, T, D, H: 2**64 - 1
convolution_flops = lambda N, T, D, H: -(2**63)
largest_difference = [2**64 - 1, -(2**63), 1e308 * 10]
make_conv_kernel = lambda W, T: [[[2**64 - 1] * T] * len(W)] * len(W)

# attack: texts_that_are_no_texts
# aim: send strings that cannot be encoded, shown or ended
# honest: 0
# %%
def unrolled_ssm_forward(W, U, b, x):
    return "\ud800" * 1000 + "\0" * 1000


def make_conv_kernel(W, T):
    return {"\udfff": 1, "": {"": {}}}


class Text(str):
    def __str__(self):
        raise SystemExit

    __format__ = __repr__ = encode = __str__


largest_difference = Text("1")

# attack: gradients_of_its_own
# aim: answer for a gradient with what was not asked
# honest: 4
# with: right
# %%
forward = unrolled_ssm_forward


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        import os

        open("kept", "w").write(str(gradient))
        return torch.full_like(gradient, float("inf"))


def unrolled_ssm_forward(W, U, b, x):
    return Reversed.apply(forward(W, U, b, x))

# attack: callable_values
# aim: be a function to one question and a value to another
# honest: 0
# %%
class Meta(type):
    def __call__(cls, *args, **options):
        return cls

    def __instancecheck__(cls, other):
        return True


class Both(metaclass=Meta):
    pass


unrolled_ssm_forward = Both
make_conv_kernel = type("C", (), {"__call__": lambda *a: Both})()
conv_ssm_forward = print
recurrent_flops = convolution_flops = max
largest_difference = lambda: 0.0
