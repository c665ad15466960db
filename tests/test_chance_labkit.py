"""A wrong result that was drawn at random is told as such; what is wrong every time is not."""

import pytest
import torch

from labkit.chance import no_chance
from labkit.checks import Mismatch, same


def check(function, expected):
    x = torch.ones(3)
    with no_chance(function, x):
        same(function(x), expected, rtol=1e-6)


def test_what_is_right_is_called_once():
    calls = []
    check(lambda x: calls.append(x) or 2 * x, [2.0, 2.0, 2.0])
    assert len(calls) == 1


def test_what_is_random_is_told_so():
    with pytest.raises(Mismatch, match=r"two calls with the same .* random bias") as told:
        check(lambda x: x + torch.rand(1), [1.0, 1.0, 1.0])
    assert told.value.kind == "value"


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: 3 * x, "100% of the entries differ"),
        (lambda x: x.add_(1), "100% of the entries differ"),  # on copies: it repeats
        (lambda x: x / 0, "there is a NaN or an infinity"),
        (lambda x: x[1:], r"the shape is \(2,\)"),
        (lambda x: None, "nothing came back"),
    ],
)
def test_what_is_wrong_every_time_is_told_as_it_was(function, said):
    with pytest.raises(Mismatch, match=said):
        check(function, [1.0, 1.0, 1.0])
