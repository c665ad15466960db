"""Every way to write it is counted right or named; what leaves torch is told; nothing stays on."""

import copy
import gc
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from labkit.workspan import TooManyLaunches, measure

COMPILER = torch.compile
T, H = 16, 8
W, x = torch.randn(H, H), torch.randn(T, H)
PRODUCT = T * H * (2 * H - 1)  # x @ W, span 4


def both_products(W, x):
    return torch.tanh(x @ W) @ W


def script(function):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old, and still met
        return torch.jit.script(function)


@script
def scripted(W, x):
    return torch.tanh(x @ W) @ W


@script
def scripted_loop(x):
    h = torch.zeros(8)
    for t in range(x.size(0)):
        h = torch.tanh(h + x[t])
    return h


@script
def scripted_decision(x):
    return x + float(x.sum())


class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.tanh()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, gradient):
        (y,) = ctx.saved_tensors
        return gradient * (1 - y * y)


@torch.library.custom_op("workspan_tests::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    return x * 2


WAYS = {
    "@": lambda: both_products(W, x),
    "einsum": lambda: torch.einsum("ti,ij->tj", torch.einsum("ti,ij->tj", x, W).tanh(), W),
    "vmap": lambda: torch.func.vmap(lambda row: both_products(W, row))(x),
    "jit.script": lambda: scripted(W, x),
    "autograd.Function": lambda: Tanh.apply(x @ W) @ W,
    "compile, eager": lambda: torch.compile(both_products, backend="eager")(W, x),
    "compile, fullgraph": lambda: torch.compile(both_products, backend="eager", fullgraph=True)(
        W, x
    ),
    "inference mode": lambda: torch.inference_mode()(both_products)(W, x),
    "no grad": lambda: torch.no_grad()(both_products)(W, x),
    "out=": lambda: torch.mm((x @ W).tanh_(), W, out=torch.empty(T, H)),
    "rows in a preallocated output": lambda: fill_rows(torch.empty(T, H)),
    "checkpoint": lambda: torch.utils.checkpoint.checkpoint(
        both_products, W, x, use_reentrant=False
    ),
    "threads set": lambda: (torch.set_num_threads(1), both_products(W, x))[1],
    "deepcopy": lambda: both_products(copy.deepcopy(W), x),
    "Parameter": lambda: both_products(torch.nn.Parameter(W), x),
}


def fill_rows(output):
    for t in range(T):
        output[t] = torch.tanh(x[t] @ W) @ W
    return output


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_write_it_costs_the_same(way):
    for attempt in ("first", "second"):  # compilers change their ways after the first call
        cost = measure(WAYS[way])
        assert cost.complete, f"{way}, {attempt} call: not everything was counted:\n{cost}"
        assert (cost.work, cost.span) == (2 * PRODUCT + T * H, 4 + 1 + 4), f"{way}, {attempt} call"
        torch.testing.assert_close(cost.output, both_products(W, x))


def test_a_matrix_power_is_counted_by_squarings():
    # W^13: W^2, W^4, W^8, and two products to collect 1 + 4 + 8: the last waits for W^8.
    cost = measure(torch.linalg.matrix_power, W, 13)
    assert (cost.work, cost.span) == (5 * H * H * (2 * H - 1), 4 * 4)


def test_a_product_over_unfolded_windows_is_a_product_over_the_window():
    cost = measure(lambda: x[:, 0].unfold(0, 4, 1) @ W[0, :4])
    assert (cost.work, cost.span) == ((T - 3) * 7, 3)


def test_a_scripted_loop_is_counted_step_by_step():
    for _ in range(3):
        cost = measure(scripted_loop, x)
        assert (cost.work, cost.span, cost.complete) == (2 * T * H, 2 * T, True)


def test_a_backward_pass_of_a_function_of_ones_own_is_counted():
    weight = W.clone().requires_grad_()
    cost = measure(lambda: torch.autograd.grad(Tanh.apply(x @ weight).sum(), weight))
    forward = PRODUCT + T * H + (T * H - 1)
    backward = 3 * T * H + H * H * (2 * T - 1)
    assert cost.work == forward + backward
    # The gradient 1 of the sum is there at once; 1 - y y waits for tanh; the product runs over T.
    assert cost.span == max(4 + 1 + 7, 4 + 1 + 3 + 5)


def test_the_gradient_of_a_loop_is_counted_through_its_steps():
    start = torch.ones(H, requires_grad=True)

    def loop():
        h = start
        for t in range(T):
            h = torch.tanh(h + x[t])
        h.sum().backward()

    # Forward T (1 + 1). Backward: 1 - y^2 of the last step, 2, and T times a product with it.
    cost = measure(loop)
    assert (cost.span, cost.complete) == (2 * T + 2 + T, True)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda: twice(x) + 1, "workspan_tests::twice"),
        (lambda: torch.linalg.matrix_exp(W), "aten::linalg_matrix_exp"),
        (lambda: torch.sparse.mm(W.to_sparse(), W), "aten::_sparse_addmm"),
        (lambda: torch._foreach_add([W, x], 1.0), "aten::_foreach_add"),
        (lambda: torch.zeros(3).scatter_reduce(0, torch.tensor([0, 0]), x[0, :2], "amax"),
         "aten::scatter_reduce"),
    ],
)  # fmt: skip
def test_an_operation_without_a_rule_is_named(function, name):
    cost = measure(function)
    assert cost.unknown == (name,)
    assert not cost.complete
    assert name in str(cost)


def test_what_waits_for_an_unknown_operation_is_deeper_than_what_went_in():
    assert measure(lambda: torch.linalg.matrix_exp(W @ W) + 1).span == 4 + 1 + 1


def in_a_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(x @ W))
    thread.start()
    thread.join()
    return results[0]


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda: x.numpy() @ W.numpy(), {"Tensor.numpy"}),
        (lambda: np.asarray(x), {"Tensor.__array__"}),
        (lambda: torch.from_numpy(np.ones(3)) + 1, {"a NumPy array came in"}),
        (lambda: torch.as_tensor(np.ones(3)) + 1, {"a NumPy array came in"}),
        (lambda: torch.tensor([0.5**i for i in range(9)]), {"a list of numbers came in"}),
        (lambda: torch.tensor(x.sum().item()) + 1, {"Tensor.item"}),
        (x[0].tolist, {"Tensor.tolist"}),
        (lambda: x * float(x.sum()), {"Tensor.__float__"}),
        (lambda: range(torch.ones(3, dtype=torch.int64).sum()), {"Tensor.__index__"}),
        (lambda: str(x[0, 0]), {"Tensor.__repr__"}),
        (lambda: scripted_decision(x), {"item"}),
        (in_a_thread, {"a Python thread", "a tensor made out of sight"}),
        (lambda: in_a_thread() + 1, {"a Python thread", "a tensor made out of sight"}),
        (lambda: torch.frombuffer(bytearray(16), dtype=torch.float32) + 1,
         {"a tensor made out of sight"}),
    ],
)  # fmt: skip
def test_data_that_leaves_torch_or_comes_in_is_named(function, names):
    cost = measure(function)
    assert set(cost.escapes) == names
    assert not cost.complete
    assert all(name in str(cost) for name in names)


def test_work_in_a_thread_that_was_there_before_is_noticed():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        inside = measure(lambda: pool.submit(torch.mm, x, W).result() + 1)
        returned = measure(lambda: pool.submit(torch.mm, x, W).result())
    assert inside.escapes == returned.escapes == ("a tensor made out of sight",)


@pytest.mark.parametrize(
    "function",
    [
        lambda: torch.tensor(0.5) * x,
        lambda: x[torch.tensor([0, 2])],
        lambda: x[[0, 2]],
        lambda: torch.zeros(3).fill_(0.5),
        lambda: torch.nn.Linear(H, H)(x),
        lambda: f"{x.shape} {x.dtype}",
    ],
)
def test_constants_and_shapes_are_no_escapes(function):
    assert measure(function).escapes == ()


def test_a_decision_is_a_synchronisation_and_no_escape():
    cost = measure(lambda: 1 if (x > 0).any() else 2)
    assert (cost.synchronisations, cost.escapes) == (1, ())


@pytest.mark.parametrize(
    ("function", "times"),
    [
        (lambda: x.sum().item(), 1),
        (x.tolist, 1),
        (x.numpy, 1),
        (x.nonzero, 1),
        (lambda: x[x > 0], 1),
        (lambda: torch.equal(x, x), 1),
        (lambda: [bool(row.sum() > 0) for row in x], T),
        (lambda: (x @ W).sum() + 1, 0),
        (lambda: x[torch.tensor([0, 2])], 0),
    ],
)
def test_synchronisations_are_counted(function, times):
    assert measure(function).synchronisations == times


def test_what_comes_after_a_wait_is_deeper_than_what_was_waited_for():
    def decide():
        if (x @ W).sum() > 0:  # 4, and 7 for 128 numbers, and 1
            return x + 1
        return x + 2

    assert measure(decide).span == 4 + 7 + 1 + 1


def test_a_number_that_comes_back_is_as_deep_as_it_was():
    # The sum over T H numbers, then T additions of Python's number.
    def loop():
        total = x.sum().item()
        for _ in range(T):
            total = torch.tensor(total).add(1).item()

    cost = measure(loop)
    assert cost.span == 7 + T


def test_peak_memory_is_that_of_the_tensors_made_and_alive():
    def three_at_once():
        first = x + 1
        second = first + 1
        del first
        return second.T[:3], second * 2, torch.empty(5)

    size = T * H * 4
    assert measure(three_at_once).peak_bytes == 2 * size + 5 * 4
    assert measure(lambda: sum((x + 1).sum() for _ in range(9))).peak_bytes < 2 * size


def test_peak_memory_does_not_depend_on_when_garbage_is_collected():
    def cycles():
        for _ in range(20):
            garbage = [x + 1]
            garbage.append(garbage)

    threshold = gc.get_threshold()
    gc.set_threshold(5)
    try:
        assert measure(cycles).peak_bytes == 20 * T * H * 4
    finally:
        gc.set_threshold(*threshold)


def test_arguments_do_not_count_as_memory_made():
    assert measure(lambda a: a.add_(1), x.clone()).peak_bytes == 0


def test_launches_are_operations_that_are_no_views():
    assert measure(lambda: (x.T @ x.view(T, H)[:, :3] + 1)[0]).launches == 2
    assert measure(lambda: (torch.empty(3), torch.empty_like(x))).launches == 0


def test_two_measurements_are_equal():
    def function(x):
        h = torch.zeros(H, requires_grad=True)
        for row in x:
            h = torch.tanh(h @ W + row)
        h.sum().backward()
        return in_a_thread(), h.tolist()

    assert measure(function, x) == measure(function, x)


def test_outputs_of_any_shape_come_back():
    function = lambda a, b=2: {"a": [a, (a + 1, None)], "b": b, "c": object}  # noqa: E731
    output = measure(function, x, b=5).output
    assert output["a"][0] is x
    assert (output["b"], output["c"], output["a"][1][1]) == (5, object, None)


def state():
    return (
        torch._C._len_torch_dispatch_stack(),
        torch._C._len_torch_function_stack(),
        gc.isenabled(),
        threading.getprofile(),
        torch.get_num_threads(),
        torch.compile is COMPILER,
        torch._C._get_graph_executor_optimize(),
        torch.is_grad_enabled(),
    )


def fail():
    torch.set_num_threads(1)
    _ = x + 1
    raise ZeroDivisionError("the function's own")


@pytest.mark.parametrize("collecting", [True, False])
def test_nothing_stays_on_after_an_exception(collecting):
    before, threads = gc.isenabled(), torch.get_num_threads()
    (gc.enable if collecting else gc.disable)()
    torch.set_num_threads(2)
    try:
        was = state()
        with pytest.raises(ZeroDivisionError, match="the function's own"):
            measure(fail)
        measure(in_a_thread)
        assert state() == was
    finally:
        (gc.enable if before else gc.disable)()
        torch.set_num_threads(threads)


def test_a_limit_stops_a_loop_that_does_not_end():
    def forever():
        h = x
        while True:
            h = h + 1

    was = state()
    with pytest.raises(TooManyLaunches, match="more than 50 operations"):
        measure(forever, limit=50)
    assert state() == was
    assert measure(lambda: x + 1, limit=1).launches == 1


def test_a_measurement_inside_a_measurement_counts_for_both():
    cost = measure(lambda: measure(lambda: x @ W))
    assert (cost.work, cost.output.work) == (PRODUCT, PRODUCT)


def test_the_measured_function_computes_what_it_computes_alone():
    torch.testing.assert_close(measure(both_products, W, x).output, both_products(W, x))


def test_what_is_there_before_may_be_used_without_being_passed():
    loss = (torch.nn.Linear(H, H)(x) ** 2).sum()
    labels = torch.zeros(T, dtype=torch.int64)
    saved = torch.nn.functional.cross_entropy(x @ W.clone().requires_grad_(), labels)
    assert measure(loss.backward).escapes == measure(saved.backward).escapes == ()
    assert measure(lambda: W.T @ x.T[:, 3]).escapes == ()
