"""Depths are kept element by element: through views, slices, writes in place, every operation."""

import warnings

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from labkit.workspan import measure
from labkit.workspan.mode import Counter

x = torch.ones(8, 8)


def chain(start, length):
    """A chain of `length` additions."""
    for _ in range(length):
        start = start + 1
    return start


def test_chains_in_different_slices_of_one_buffer_run_side_by_side():
    def slices():
        buffer = torch.zeros(8, 4)
        for row in range(8):
            for _ in range(3):
                buffer[row] += 1
        return buffer

    assert measure(slices).span == 3


def test_a_chain_within_one_slice_is_a_chain():
    def one_slice():
        buffer = torch.zeros(8, 4)
        for _ in range(24):
            buffer[3] += 1
        return buffer

    assert measure(one_slice).span == 24


def test_a_write_into_a_preallocated_output_replaces_what_was_deep_there():
    def overwrite():
        buffer = chain(torch.zeros(4), 10)
        buffer[1] = 0
        return buffer[1:2] + 1  # one step: the zero is new

    counter = Counter(None)
    with counter, counter.watch:
        result = overwrite()
    assert counter.storages.read(result).tolist() == [1]


def test_interleaved_strides_of_one_buffer_are_told_apart():
    def even_and_odd():
        buffer = torch.zeros(10)
        even, odd = buffer[::2], buffer[1::2]
        for _ in range(5):
            even += 1
        odd += 1
        return odd * 2

    assert measure(even_and_odd).span == 5
    assert measure(lambda: even_and_odd().sum()).span == 2 + 3  # 5 odd elements: lg 5 = 3


@pytest.mark.parametrize(
    "view",
    [
        lambda t: t.T,
        lambda t: t.reshape(4, 16),
        lambda t: t[2:5, ::3],
        lambda t: t.unfold(0, 3, 1),
        lambda t: t.diagonal(),
        lambda t: t.expand(3, 8, 8),
        lambda t: t.unbind()[2],
        lambda t: t.view(torch.int32),
        lambda t: torch.view_as_complex(t.view(8, 4, 2)),
        lambda t: t.detach(),
        lambda t: t.contiguous(),
        lambda t: t.squeeze().unsqueeze(0).permute(2, 1, 0),
    ],
)
def test_views_cost_nothing_and_start_nothing(view):
    cost = measure(view, x)
    assert (cost.work, cost.span, cost.launches, cost.peak_bytes) == (0, 0, 0, 0), str(cost)


def test_a_view_as_smaller_numbers_keeps_the_depths():
    def through_complex():
        parts = chain(torch.zeros(2), 3).to(torch.complex64)
        real = torch.view_as_real(parts)
        real[0] += 1  # both floats of the first number
        return torch.view_as_complex(real) * 1

    counter = Counter(None)
    with counter, counter.watch:
        result = through_complex()
    assert counter.storages.read(result).tolist() == [5, 4]


def test_independent_rows_of_a_product_wait_for_their_own_row_only():
    def rows():
        deep = torch.cat([chain(torch.zeros(1, 8), 20), torch.zeros(7, 8)])
        return (deep @ x)[1:] + 1

    counter = Counter(None)
    with counter, counter.watch:
        result = rows()
    assert counter.storages.read(result).max() == 1 + 3 + 1


def test_a_prefix_sum_is_deeper_the_more_it_sums():
    counter = Counter(None)
    with counter, counter.watch:
        result = torch.zeros(9).cumsum(0)
    assert counter.storages.read(result).tolist() == [0, 1, 2, 2, 3, 3, 3, 3, 4]


def random(*shape):
    return torch.rand(*shape, dtype=torch.float64) + 0.5


# Here a result depends on exactly the elements its depth comes from.
EXACT = {
    "add": (lambda a, b: torch.add(a, b, alpha=2), (2, 3), (3,)),
    "addcmul": (lambda a, b, c: torch.addcmul(a, b, c, value=2), (2, 3), (2, 1), (3,)),
    "lerp": (lambda a, b: torch.lerp(a, b, 0.3), (4,), (4,)),
    "sum": (lambda a: a.sum((0, 2)), (2, 3, 2)),
    "std": (lambda a: a.std(0), (4, 3)),
    "softmax": (lambda a: a.softmax(-1), (3, 4)),
    "logsumexp": (lambda a: a.logsumexp(0), (3, 4)),
    "cumsum": (lambda a: a.cumsum(1), (3, 5)),
    "cumprod": (lambda a: a.cumprod(0), (4, 2)),
    "logcumsumexp": (lambda a: a.logcumsumexp(0), (4, 2)),
    "trace": (lambda a: a.trace(), (3, 3)),
    "mm": (torch.mm, (2, 3), (3, 4)),
    "mv": (torch.mv, (3, 4), (4,)),
    "dot": (torch.dot, (4,), (4,)),
    "bmm": (torch.bmm, (2, 3, 2), (2, 2, 3)),
    "addmm": (lambda a, b, c: torch.addmm(a, b, c, beta=0.5, alpha=2), (4,), (2, 3), (3, 4)),
    "baddbmm": (torch.baddbmm, (2, 3, 3), (2, 3, 2), (2, 2, 3)),
    "addbmm": (torch.addbmm, (3, 3), (2, 3, 2), (2, 2, 3)),
    "addmv": (torch.addmv, (3,), (3, 4), (4,)),
    "addr": (torch.addr, (3, 2), (3,), (2,)),
    "einsum": (lambda a, b: torch.einsum("tij,njk->tnik", a, b), (2, 2, 3), (3, 3, 2)),
    "cdist": (torch.cdist, (3, 4), (2, 4)),
    "conv1d": (functional.conv1d, (2, 3, 7), (4, 3, 2), (4,)),
    "strided": (lambda a, w: functional.conv1d(a, w, stride=2, dilation=3), (1, 2, 9), (3, 2, 2)),
    "groups": (lambda a, w: functional.conv1d(a, w, groups=2), (2, 4, 5), (6, 2, 3)),
    "conv2d": (functional.conv2d, (1, 2, 4, 5), (2, 2, 2, 3)),
    "transposed": (
        lambda a, w: functional.conv_transpose1d(a, w[:, :, :1].expand(-1, -1, 4), stride=2),
        (2, 3, 4),
        (3, 2, 4),
    ),
    "fft": (lambda a: torch.fft.fft(a, dim=1).abs(), (3, 5)),
    "rfft": (lambda a: torch.fft.rfft(a, 8, norm="ortho").abs(), (3, 5)),
    "cat": (lambda a, b: torch.cat([a, b], 1), (2, 3), (2, 1)),
    "stack": (lambda a, b: torch.stack([a, b], 1), (2, 3), (2, 3)),
    "pad": (lambda a: functional.pad(a, (2, 1), value=3.5), (2, 3)),
    "reflect": (lambda a: functional.pad(a, (2, 1), mode="reflect"), (2, 4)),
    "roll": (lambda a: a.roll(1, 0).flip(1), (3, 3)),
    "tril": (lambda a: a.tril(), (3, 3)),
    "diag_embed": (lambda a: a.diag_embed(), (2, 3)),
    "repeat": (lambda a: a.repeat(2, 2), (2, 3)),
    "gather": (lambda a: a.gather(1, torch.tensor([[0, 2], [1, 1]])), (2, 3)),
    "index": (lambda a: a[torch.tensor([2, 0]), :2], (3, 3)),
    "index_put": (lambda a, b: a.index_put((torch.tensor([2, 0]),), b), (3, 3), (2, 3)),
    "scatter": (lambda a, b: a.scatter(0, torch.tensor([[2, 0]]), b), (3, 2), (1, 2)),
    "im2col": (lambda a: functional.unfold(a, (2, 2)), (1, 1, 3, 4)),
    "unfold": (lambda a: a.unfold(0, 3, 2) * 2, (7,)),
    "vmap": (torch.func.vmap(lambda a, b: a @ b), (3, 2, 2), (3, 2)),
}

# Here depths are careful: a result may be taken to wait for more than it depends on, never less.
CAREFUL = {
    "cholesky": (lambda a: torch.linalg.cholesky(a @ a.mT + torch.eye(3)), (2, 3, 3)),
    "solve": (lambda a, b: torch.linalg.solve(a + 3 * torch.eye(3), b), (2, 3, 3), (2, 3, 2)),
    "solve_vector": (lambda a, b: torch.linalg.solve(a + 3 * torch.eye(3), b), (3, 3), (3,)),
    "solve_triangular": (
        lambda a, b: torch.linalg.solve_triangular(a, b, upper=False),
        (2, 3, 3),
        (2, 3, 2),
    ),
    "inv": (lambda a: torch.linalg.inv(a + 3 * torch.eye(3)), (3, 3)),
    "det": (lambda a: torch.linalg.det(a + 3 * torch.eye(3)), (2, 3, 3)),
    "svd": (lambda a: torch.linalg.svd(a)[1], (3, 4)),
    "eigh": (lambda a: torch.linalg.eigvalsh(a + a.mT), (3, 3)),
    "qr": (lambda a: torch.linalg.qr(a)[1], (4, 3)),
    "lstsq": (lambda a, b: torch.linalg.lstsq(a, b)[0], (5, 3), (5, 2)),
    "lu": (lambda a: torch.linalg.lu_factor(a + 3 * torch.eye(3))[0], (3, 3)),
    "attention": (
        functional.scaled_dot_product_attention,
        (1, 2, 3, 4),
        (1, 2, 5, 4),
        (1, 2, 5, 4),
    ),
    "sort": (lambda a: a.sort(0)[0], (4, 2)),
    "max": (lambda a: a.max(1)[0], (3, 4)),
    "cummax": (lambda a: a.cummax(0)[0], (4, 2)),
    "scatter_add": (lambda a, b: a.scatter_add(0, torch.tensor([0, 0, 2]), b), (3,), (3,)),
    "index_add": (
        lambda a, b: a.index_add(0, torch.tensor([1, 1]), b, alpha=-1),
        (3, 2),
        (2, 2),
    ),
    "accumulate": (
        lambda a, b: a.index_put((torch.tensor([1, 1]),), b, accumulate=True),
        (3,),
        (2,),
    ),
    "fold": (lambda a: functional.fold(a, (3, 3), (2, 2)), (1, 4, 4)),
    "mse": (functional.mse_loss, (3, 2), (3, 2)),
    "layer_norm": (lambda a: functional.layer_norm(a, (4,)), (3, 4)),
    "max_pool": (lambda a: functional.max_pool2d(a, 2), (1, 1, 4, 4)),
    "transposed2": (
        lambda a, w: functional.conv_transpose2d(
            a, w, stride=2, padding=1, output_padding=1, groups=2
        ),
        (1, 4, 3, 3),
        (4, 1, 3, 3),
    ),
    "padded": (lambda a, w: functional.conv1d(a, w, padding=3), (1, 2, 5), (2, 2, 3)),
    "masked": (lambda a: a[a > 0.8], (3, 3)),
}


def depths_and_dependence(function, args, argument, element):
    """Which results are deep when one element of one argument is, and which change with it."""
    counter = Counter(None)
    for tensor in args:
        counter.storages.add(tensor, made=False)
    depth = counter.storages.read(args[argument]).copy()
    depth.reshape(-1)[element] = 1000
    counter.storages.write(args[argument], depth)
    with counter, counter.watch:
        before = function(*args)
    assert not counter.unknown, f"no rule for {counter.unknown}"
    changed = torch.zeros(before.shape, dtype=torch.bool)
    for step in (0.1, -0.2, 0.7):
        moved = [tensor.clone() for tensor in args]
        moved[argument].view(-1)[element] += step
        after = function(*moved)
        if after.shape != before.shape:  # a mask let other elements through
            return counter.storages.read(before) >= 1000, torch.ones_like(changed).numpy()
        changed |= (after - before).abs() > 1e-12
    return counter.storages.read(before) >= 1000, changed.numpy()


@pytest.mark.parametrize("name", [*EXACT, *CAREFUL])
def test_a_result_is_as_deep_as_what_it_depends_on(name):
    function, *shapes = (EXACT | CAREFUL)[name]
    torch.manual_seed(0)
    args = [random(*shape) for shape in shapes]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces changes of lu_factor and others
        for argument, tensor in enumerate(args):
            for element in range(tensor.numel()):
                deep, depends = depths_and_dependence(function, args, argument, element)
                where = f"{name}: element {element} of argument {argument}"
                assert (deep >= depends).all(), f"{where} goes into results that do not wait for it"
                if name in EXACT:
                    assert (deep == depends).all(), f"{where} holds up results it does not go into"


def test_a_solve_waits_for_right_hand_sides_that_all_matrices_share():
    matrices, sides = torch.eye(3).expand(2, 3, 3), torch.ones(3, 2)
    alone = measure(torch.linalg.solve_triangular, matrices, sides, upper=False)
    late = measure(lambda: torch.linalg.solve_triangular(matrices, chain(sides, 5), upper=False))
    assert (alone.span, late.span) == (3 * 3 - 2, 5 + 3 * 3 - 2)
    assert alone.work == 2 * 3 * 3 * 2


def test_additions_that_meet_in_one_place_are_added_in_pairs():
    # Three numbers and what was there: 4 in place 1, 2 in place 2.
    places = torch.tensor([1, 1, 1, 2])
    cost = measure(lambda: torch.zeros(4).index_put_((places,), torch.ones(4), accumulate=True))
    assert (cost.work, cost.span) == (4, 2)
    assert measure(lambda: torch.zeros(4).index_add(0, places, torch.ones(4))).span == 2
    assert measure(lambda: torch.zeros(4).scatter_add(0, places, torch.ones(4))).work == 4


@pytest.mark.parametrize(
    "function",
    [
        lambda: torch.ones(3, 5) @ torch.ones(5, 7),
        lambda: torch.ones(2, 3, 5) @ torch.ones(2, 5, 7),
        lambda: functional.conv1d(torch.ones(2, 4, 9), torch.ones(6, 2, 3), groups=2, padding=2),
        lambda: functional.conv2d(torch.ones(1, 3, 8, 8), torch.ones(4, 3, 3, 3), stride=2),
        lambda: functional.conv_transpose1d(torch.ones(2, 4, 5), torch.ones(4, 3, 4), stride=2),
    ],
)
def test_products_agree_with_torchs_own_counter(function):
    """Which counts k additions for a product over k, where k - 1 are needed."""
    with FlopCounterMode(display=False) as oracle:
        results = function().numel()
    assert measure(function).work + results == oracle.get_total_flops()


def test_the_backward_pass_of_a_convolution_agrees_with_torchs_own_counter():
    image = torch.ones(2, 4, 9, requires_grad=True)
    weight = torch.ones(6, 4, 3, requires_grad=True)

    def forward_and_backward():
        out = functional.conv1d(image, weight, stride=2)
        return out, *torch.autograd.grad(out, (image, weight), torch.ones_like(out))

    with FlopCounterMode(display=False) as oracle:
        results = sum(tensor.numel() for tensor in forward_and_backward())
    assert measure(forward_and_backward).work + results == oracle.get_total_flops()


def test_complex_numbers_cost_their_real_operations():
    z = torch.ones(5, dtype=torch.complex64)
    assert measure(lambda: z + z).work == 2 * 5
    assert measure(lambda: z * z).work == 6 * 5
    assert measure(lambda: torch.dot(z, z)).work == 6 * 5 + 2 * 4
