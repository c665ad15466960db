"""The fast forms of causal ridge attention against one solve a prefix, their gradients against
differences and each other, and what is claimed of them against counts and exact fractions."""

from fractions import Fraction

import pytest
import torch

from labkit.checks import leaves_inputs_alone, seeded
from labkit.timing import using_threads
from labkit.workspan import growth, measure
from solutions.reference import ridge_attention_fast as ridge
from solutions.reference.ridge_attention_fast import CHUNKED, FORMS, IN_PLACE

DIFFERENTIABLE = [name for name in FORMS if name not in IN_PLACE]
LEADING = [(), (3,), (2, 3)]
LENGTHS = (1, 2, 7, 33, 70)
CHUNKS = (1, 2, 5, 16, 70, 1000)


def draw(n, *leading, d=5, dv=3, dtype=torch.float64, seed=0):
    """Q, K, V with d and dv that differ, so that no transpose goes unseen."""
    source = torch.Generator().manual_seed(seed + n)
    sizes = (d, d, dv)
    return [
        torch.randn(*leading, n, w, generator=source, dtype=torch.float64).to(dtype) for w in sizes
    ]


def oracle(Q, K, V, lam):
    """One solve for each prefix, in float64, by the definition."""
    Q, K, V = Q.double(), K.double(), V.double()
    lam = torch.as_tensor(lam, dtype=torch.float64)[..., None, None]
    ridge_term = lam * torch.eye(K.shape[-1], dtype=torch.float64)
    outputs = []
    for t in range(1, K.shape[-2] + 1):
        k, v = K[..., :t, :], V[..., :t, :]
        W = torch.linalg.solve(ridge_term + k.mT @ k, k.mT @ v)  # (..., d, dv)
        outputs.append(Q[..., t - 1 : t, :] @ W)
    return torch.cat(outputs, -2)


def off(value, expected):
    """The largest error relative to the largest output."""
    return float((value.double() - expected).abs().max() / expected.abs().max())


def tolerance(K, lam, dtype=torch.float64):
    """A solve loses the condition of M_n, at most 1 + sum |k|^2 / lam, times a rounding for each
    of d sums; a recursion rounds M^{-1}, of norm 1 / lam, and J n times: n roundings of that."""
    n, d = K.shape[-2:]
    keys = K.detach().double().square().sum((-1, -2)).max()
    condition = 1 + float(keys) / float(torch.as_tensor(lam).min())
    return (n + d) * condition * torch.finfo(dtype).eps / 2


# ---- Values


@pytest.mark.parametrize("leading", LEADING, ids=str)
@pytest.mark.parametrize("name", FORMS)
def test_a_form_gives_what_one_solve_a_prefix_gives(name, leading):
    for n in LENGTHS:
        Q, K, V = draw(n, *leading)
        for lam in (1.0, 0.01):
            out, expected = FORMS[name](Q, K, V, lam), oracle(Q, K, V, lam)
            assert out.shape == expected.shape
            assert off(out, expected) < tolerance(K, lam), f"n = {n}, lam = {lam}"


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("name", CHUNKED)
def test_the_length_of_a_chunk_changes_nothing(name, chunk):
    for n in LENGTHS:
        Q, K, V = draw(n, 2)
        out, expected = FORMS[name](Q, K, V, 0.1, chunk), oracle(Q, K, V, 0.1)
        assert off(out, expected) < tolerance(K, 0.1), f"n = {n}"


@pytest.mark.parametrize("name", FORMS)
def test_float32_comes_back_as_float32_and_as_exact_as_it_can_be(name):
    Q, K, V = draw(200, 2, dtype=torch.float32)
    out = FORMS[name](Q, K, V, 1)
    assert out.dtype == torch.float32
    assert off(out, oracle(Q, K, V, 1)) < tolerance(K, 1, torch.float32)


@pytest.mark.parametrize("name", FORMS)
def test_each_head_can_have_a_lam_of_its_own(name):
    Q, K, V = draw(20, 2, 3)
    lam = torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)
    out = FORMS[name](Q, K, V, lam)
    for head, own in enumerate(lam.tolist()):
        alone = oracle(Q[:, head], K[:, head], V[:, head], own)
        assert off(out[:, head], alone) < tolerance(K, own), f"head {head}"
    one = FORMS[name](Q, K, V, torch.tensor(0.5, dtype=torch.float64))
    assert off(one, oracle(Q, K, V, 0.5)) < tolerance(K, 0.5)


@pytest.mark.parametrize("name", FORMS)
def test_a_view_of_heads_that_lie_between_each_other_is_read_right(name):
    Q, K, V = (a.transpose(1, 2) for a in draw(40, 2, 3))  # (2, 40, 3, d)
    views = [a.contiguous().transpose(1, 2) for a in (Q, K, V)]
    assert not views[0].is_contiguous()
    assert off(FORMS[name](*views, 1.0), oracle(*views, 1.0)) < tolerance(views[1], 1.0)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_leaves_its_inputs_alone(name):
    leaves_inputs_alone(FORMS[name], *draw(40, 2), 0.5)


@pytest.mark.parametrize("name", FORMS)
def test_no_output_knows_of_later_tokens(name):
    Q, K, V = draw(70)
    before = FORMS[name](Q, K, V, 0.1)
    for t in (1, 15, 16, 33, 69):
        later = [torch.cat([a[:t], torch.randn_like(a[t:])]) for a in (Q, K, V)]
        after = FORMS[name](*later, 0.1)
        assert off(after[:t], before[:t]) < tolerance(K, 0.1), f"tokens from {t} on were changed"


# ---- Gradients


@pytest.mark.parametrize("leading", [(), (2,)], ids=str)
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_in_queries_keys_values_and_lam_are_those_of_differences(name, leading):
    inputs = [*draw(7, *leading, d=3, dv=2), torch.full(leading, 0.4, dtype=torch.float64)]
    for a in inputs:
        a.requires_grad_()
    assert torch.autograd.gradcheck(FORMS[name], inputs)
    one = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(FORMS[name], [*inputs[:3], one])


@pytest.mark.parametrize("chunk", [1, 3, 7, 20])
@pytest.mark.parametrize("name", CHUNKED)
def test_the_length_of_a_chunk_changes_no_gradient(name, chunk):
    inputs = [*draw(7, d=3, dv=2), torch.tensor(0.4, dtype=torch.float64)]
    for a in inputs:
        a.requires_grad_()
    assert torch.autograd.gradcheck(lambda *given: FORMS[name](*given, chunk), inputs)


def test_the_backward_from_the_end_is_the_backward_through_every_step():
    inputs = [*draw(50, 3), torch.tensor([0.1, 1.0, 9.0], dtype=torch.float64)]
    for a in inputs:
        a.requires_grad_()
    weight = torch.randn(3, 50, 3, dtype=torch.float64)
    slow, fast = (
        torch.autograd.grad((form(*inputs) * weight).sum(), inputs)
        for form in (ridge.plain, lambda *given: ridge.chunked(*given, 7))
    )
    for name, a, b in zip(("Q", "K", "V", "lam"), slow, fast, strict=True):
        # a gradient multiplies by M^{-1} once more than an output
        assert off(b, a) < tolerance(inputs[1], 0.1) * 10, f"the gradient of {name}"


@pytest.mark.parametrize("wanted", range(4))
def test_a_gradient_that_is_asked_for_alone_is_given(wanted):
    inputs = [*draw(9), torch.tensor(0.4, dtype=torch.float64)]
    inputs[wanted].requires_grad_()
    (slow,), (fast,) = (
        torch.autograd.grad(form(*inputs).sum(), inputs[wanted])
        for form in (ridge.plain, ridge.chunked)
    )
    torch.testing.assert_close(fast, slow)


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_form_that_works_in_place_keeps_no_graph(name):
    Q, K, V = (a.requires_grad_() for a in draw(5))
    assert not FORMS[name](Q, K, V, 1.0).requires_grad


def test_a_second_derivative_is_refused_and_not_wrong():
    Q, K, V = (a.requires_grad_() for a in draw(5))
    with pytest.raises(RuntimeError, match="use chunked_parallel"):
        torch.autograd.grad(ridge.chunked(Q, K, V, 1.0).sum(), K, create_graph=True)


# ---- Digits


def recall(n, d=16, pairs=8, seed=0):
    """`pairs` keys of length one and their values in random order; the queries are the keys."""
    _, K, V = draw(pairs, d=d, dtype=torch.float32, seed=seed)
    order = torch.randint(pairs, (n,), generator=torch.Generator().manual_seed(seed))
    K = (K / K.norm(dim=-1, keepdim=True))[order]
    return K.clone(), K, V[order]


def test_the_recursion_drifts_where_sums_do_not():
    Q, K, V = recall(2048)
    expected = ridge.additive(Q.double(), K.double(), V.double(), 0.01)
    assert off(ridge.additive(Q, K, V, 0.01), expected) < 1e-6
    assert off(ridge.chunked_parallel(Q, K, V, 0.01), expected) < 3e-6
    for drifting in (ridge.plain, ridge.tuned):
        # M^{-1} is 1 / lam where no key points, and rounded there once a step; J grows like n
        assert off(drifting(Q, K, V, 0.01), expected) > 1e-3


def exact_last(Q, K, V, lam):
    """The last output in exact fractions, by elimination on [M | J]."""
    d, dv = K.shape[1], V.shape[1]
    keys, values = ([[Fraction(x) for x in row] for row in a.tolist()] for a in (K, V))
    rows = [
        [sum(k[i] * k[j] for k in keys) + (Fraction(lam) if i == j else 0) for j in range(d)]
        + [sum(k[i] * v[j] for k, v in zip(keys, values, strict=True)) for j in range(dv)]
        for i in range(d)
    ]
    for i in range(d):
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for j in range(d):
            if j != i:
                rows[j] = [x - rows[j][i] * y for x, y in zip(rows[j], rows[i], strict=True)]
    query = [Fraction(x) for x in Q[-1].tolist()]
    return [
        float(sum(q * row[d + j] for q, row in zip(query, rows, strict=True))) for j in range(dv)
    ]


@pytest.mark.parametrize("lam", [1e-2, 1e-6])
def test_float64_inside_keeps_the_digits_of_float32_for_repeated_keys_and_small_lam(lam):
    Q, K, V = recall(300, d=6, pairs=3)
    Q = torch.randn(Q.shape, generator=torch.Generator().manual_seed(1))  # off the keys' span too
    exact = torch.tensor(exact_last(Q, K, V, lam), dtype=torch.float64)
    largest = ridge.chunked(Q.double(), K.double(), V.double(), lam).abs().max()
    inside = ridge.double_inside(Q, K, V, lam)[-1].double()
    assert inside.dtype == torch.float64
    assert float((inside - exact).abs().max() / largest) < 1e-7
    trusted = ridge.chunked_parallel(Q.double(), K.double(), V.double(), lam)[-1]
    assert float((trusted - exact).abs().max() / largest) < 1e-8, "the bench measures against this"


# ---- Counts


def in_chunks(name):
    return (lambda *args: FORMS[name](*args, 8)) if name in CHUNKED else FORMS[name]


@pytest.fixture(autouse=True)
def one_thread():
    """Tensors as small as these are slower with two."""
    with using_threads(1):
        yield


@pytest.fixture(scope="module")
def counted():
    """How work and span of each form grow with n, at d = dv = 4 and chunks of 8."""
    with seeded("counts"):
        sizes = (32, 64, 128, 256)
        return {
            name: growth(in_chunks(name), lambda n: (*draw(n, d=4, dv=4), 1.0), sizes)
            for name in FORMS
        }


@pytest.mark.parametrize("name", FORMS)
def test_the_work_of_every_form_grows_like_n(counted, name):
    assert counted[name].work_law == "n"


@pytest.mark.parametrize("name", FORMS)
def test_a_form_without_a_loop_has_a_span_like_log_n_and_the_others_like_n(counted, name):
    parallel = name in ("additive", "chunked_parallel")
    assert counted[name].span_law == ("log n" if parallel else "n")


def test_a_chunk_starts_fewer_operations_than_a_token_of_the_recursion_times_its_length():
    args = (*draw(512, d=4, dv=4), 1.0)
    plain, chunked, parallel = (
        measure(in_chunks(name), *args).launches
        for name in ("plain", "chunked", "chunked_parallel")
    )
    assert chunked * 7 < plain  # about as many a chunk of 8 as the recursion a token
    assert parallel < 40  # whatever n is


@pytest.mark.parametrize("name", FORMS)
def test_work_a_token_grows_like_d_squared_but_where_chunks_or_tokens_have_factors(name):
    def work(d):
        return measure(in_chunks(name), *draw(16, d=d, dv=d), 1.0).work

    growth_of_work = work(128) / work(64)  # d is far above the chunk of 8: 4 is d^2, 8 is d^3
    assert (growth_of_work > 5) == (name in ("additive", "chunked_parallel")), growth_of_work
