"""What a check says where a function returns something of a shape or kind that nobody asked for:
always what is wrong with it, and never that it "cannot be used here"."""

import pytest
import torch

from tests.corpus import ROOT, one_thread, read

NAMES = sorted(file.stem for file in (ROOT / "solutions").glob("q_*.py"))
WRONG = {
    "a number": lambda *_: torch.tensor(2.0),
    "a vector": lambda *_: torch.arange(5.0),
    "a matrix": lambda *_: torch.ones(6, 2),
    "four axes": lambda *_: torch.ones(2, 3, 1, 2),
    "tensors in a list": lambda *_: [torch.ones(3, 2), torch.ones(3, 2)],
    "text": lambda *_: "1.0",
    "nothing": lambda *_: None,
}


@pytest.mark.parametrize("name", NAMES)
def test_whatever_comes_back_a_check_says_what_is_wrong_with_it(name):
    corpus = read(name)
    right = corpus.submission({})
    with one_thread():
        for kind, wrong in WRONG.items():
            names = {n: wrong if callable(right[n]) else right[n] for n in corpus.functions}
            errors = corpus.lost(right | names, "first") | corpus.lost_in_public(right | names)
            for check, error in errors.items():
                assert isinstance(error, AssertionError), f"{kind}, {check}: {error!r}"
