"""A fused operation costs what its parts cost, in work and in span, whichever argument is late."""

import pytest
import torch
from torch.nn import functional

from labkit.workspan import measure


def chain(start, length):
    """A chain of `length` additions."""
    for _ in range(length):
        start = start + 1
    return start


FUSED = [
    (lambda a, b: torch.add(a, b, alpha=3), lambda a, b: a + 3 * b, (4, 8), (8,)),
    (lambda a, b: torch.sub(a, b, alpha=3), lambda a, b: a - 3 * b, (4, 8), (4, 8)),
    (lambda a, b: torch.rsub(a, b, alpha=3), lambda a, b: b - 3 * a, (4, 8), (4, 8)),
    (
        lambda a, b, c: torch.addcmul(a, b, c, value=3),
        lambda a, b, c: a + 3 * (b * c),
        (8,),
        (8,),
        (8,),
    ),
    (
        lambda a, b, c: torch.addcdiv(a, b, c),  # noqa: PLW0108
        lambda a, b, c: a + b / c,
        (8,),
        (8,),
        (8,),
    ),
    (lambda a, b: torch.lerp(a, b, 0.3), lambda a, b: a + 0.3 * (b - a), (8,), (8,)),
    (
        lambda a, b, c: torch.addmm(a, b, c, beta=2, alpha=3),
        lambda a, b, c: 2 * a + 3 * (b @ c),
        (4, 4),
        (4, 8),
        (8, 4),
    ),
    (torch.addmv, lambda a, b, c: a + b @ c, (4,), (4, 8), (8,)),
    (torch.addr, lambda a, b, c: a + torch.outer(b, c), (4, 2), (4,), (2,)),
    (torch.baddbmm, lambda a, b, c: a + b @ c, (2, 4, 4), (2, 4, 8), (2, 8, 4)),
    (torch.addbmm, lambda a, b, c: a + (b @ c).sum(0), (4, 4), (2, 4, 8), (2, 8, 4)),
    (functional.linear, lambda a, b, c: a @ b.T + c, (4, 8), (4, 8), (4,)),
    (lambda a: a.mean(0), lambda a: a.sum(0) / 8, (8, 3)),
    (
        lambda a: a.var(0),
        lambda a: ((a - a.mean(0)) ** 2).sum(0) / 7,
        (8, 3),
    ),
    (
        lambda a: a.std(0),
        lambda a: (((a - a.mean(0)) ** 2).sum(0) / 7).sqrt(),
        (8, 3),
    ),
    (lambda a: a.norm(dim=1), lambda a: (a**2).sum(1).sqrt(), (3, 8)),
    (
        lambda a: a.softmax(0),
        lambda a: (e := (a - a.amax(0)).exp()) / e.sum(0),
        (8, 3),
    ),
    (
        lambda a: a.log_softmax(0),
        lambda a: (d := a - a.amax(0)) - d.exp().sum(0).log(),
        (8, 3),
    ),
    (
        lambda a: a.logsumexp(0),
        lambda a: (m := a.amax(0)) + (a - m).exp().sum(0).log(),
        (8, 3),
    ),
    (
        lambda a, w, b: functional.layer_norm(a, (8,), w, b),
        lambda a, w, b: (
            (d := a - a.mean(1, keepdim=True))
            * ((d**2).sum(1, keepdim=True) / 8 + 1e-5).rsqrt()
            * w
            + b
        ),
        (3, 8),
        (8,),
        (8,),
    ),
    (torch.cdist, lambda a, b: ((a[:, None] - b) ** 2).sum(-1).sqrt(), (3, 8), (4, 8)),
    (functional.mse_loss, lambda a, b: ((a - b) ** 2).sum() / 16, (2, 8), (2, 8)),
    (
        functional.scaled_dot_product_attention,
        lambda a, b, c: (a @ b.mT * 0.5).softmax(-1) @ c,
        (2, 2, 5, 4),
        (2, 2, 8, 4),
        (2, 2, 8, 4),
    ),
    (
        lambda a, b, c: functional.conv1d(a, b, c),  # noqa: PLW0108
        lambda a, b, c: (
            (a.unfold(2, 4, 1).permute(0, 2, 1, 3).reshape(2, 5, 8) @ b.view(3, 8).T).mT
            + c[:, None]
        ),
        (2, 2, 8),
        (3, 2, 4),
        (3,),
    ),
    (torch.ops.aten.tanh_backward, lambda g, y: g * (1 - y * y), (8,), (8,)),
    (torch.ops.aten.sigmoid_backward, lambda g, y: g * ((1 - y) * y), (8,), (8,)),
    (
        lambda g, y: torch.ops.aten._softmax_backward_data(g, y, 0, torch.float32),
        lambda g, y: y * (g - (g * y).sum(0)),
        (8, 3),
        (8, 3),
    ),
    (
        lambda g, y: torch.ops.aten._log_softmax_backward_data(g, y, 0, torch.float32),
        lambda g, y: g - y.exp() * g.sum(0),
        (8, 3),
        (8, 3),
    ),
]


@pytest.mark.parametrize(("fused", "parts", "shapes"), [(f, p, s) for f, p, *s in FUSED])
def test_a_fused_operation_costs_what_its_parts_cost(fused, parts, shapes):
    args = [torch.rand(*shape) + 0.5 for shape in shapes]
    torch.testing.assert_close(fused(*args), parts(*args), rtol=1e-3, atol=1e-4)

    def with_late(function, late):
        return function(*[chain(a, 9) if i == late else a for i, a in enumerate(args)])

    for late in range(len(args)):
        together, apart = (measure(with_late, function, late) for function in (fused, parts))
        assert (together.work, together.span) == (apart.work, apart.span), (
            f"{together.unknown or 'fused and apart'}, with argument {late} late"
        )
