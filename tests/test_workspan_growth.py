"""Growth is read from counts, honestly; the figure shows it; the page's examples run."""

import doctest
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from labkit.workspan import UNCLEAR, growth, plot, table
from labkit.workspan.laws import exponent, law
from labkit.workspan.table import TABLE

ROOT = Path(__file__).parents[1]
DOUBLING = (16, 32, 64, 128, 256)
UNEVEN = (7, 20, 50, 100, 131, 200)


def lg(n):
    return (n - 1).bit_length()


@pytest.mark.parametrize("sizes", [DOUBLING, UNEVEN])
@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (lambda n: 5, "1"),
        (lambda n: 4 * lg(n), "log n"),
        (lambda n: 3 * lg(n) + 7, "log n"),
        (lambda n: lg(n) * (lg(n) + 1) // 2, "log^2 n"),
        (lambda n: 6 * n, "n"),
        (lambda n: 3 * n - 2 + lg(n), "n"),
        (lambda n: 100_000 + n, "n"),
        (lambda n: 5 * n * lg(n) + 3 * n + 4 * lg(n), "n log n"),
        (lambda n: 13 * n**2 + 3 * n, "n^2"),
        (lambda n: n**2 + 1000 * n, "n^2"),
        (lambda n: 2 * n**3 + 7 * n**2 + 9, "n^3"),
        (lambda n: 6 * n + n % 2, "n"),  # a little rounding
    ],
)
def test_the_law_is_read_from_the_counts(count, expected, sizes):
    counts = [count(n) for n in sizes]
    assert law(sizes, counts) == expected, f"{dict(zip(sizes, counts, strict=True))}"


@pytest.mark.parametrize(
    "counts",
    [
        [2, 4, 16, 256, 65_536],  # faster than any power
        [int(100 * n * abs(math.sin(n))) + 1 for n in DOUBLING],  # nothing at all
        [0, 3, 5, 8, 9],
        [n * math.isqrt(n) for n in DOUBLING],  # n^1.5, roughly, is not among the laws
    ],
)
def test_what_the_counts_do_not_decide_is_called_unclear(counts):
    assert law(DOUBLING, counts) == UNCLEAR


def test_two_laws_that_fit_equally_well_decide_nothing():
    sizes = (4, 8, 16)
    counts = [64 + 36 * n for n in sizes]
    assert counts == [96 * lg(n) + n**2 for n in sizes]
    assert law(sizes, counts) == UNCLEAR


def test_as_many_terms_as_counts_explain_nothing():
    assert law((4, 8, 16), [10, 47, 90]) == UNCLEAR


def test_the_exponent_leaves_out_what_is_constant():
    assert exponent(DOUBLING, [100 + 3 * n for n in DOUBLING]) == pytest.approx(1)
    assert exponent(DOUBLING, [7 * n**2 + 10**6 for n in DOUBLING]) == pytest.approx(2)
    assert exponent(DOUBLING, [4 * lg(n) for n in DOUBLING]) == pytest.approx(0)
    assert exponent(DOUBLING, [9] * 5) == 0
    assert math.isnan(exponent(DOUBLING, [5, 4, 9, 8, 1]))


def prefix_sums(x):
    return x.cumsum(0)


def loop(x):
    total, sums = torch.zeros(()), torch.empty_like(x)
    for i in range(len(x)):
        total = total + x[i]
        sums[i] = total
    return sums


def ones(n):
    return (torch.ones(n),)


def test_growth_shows_sizes_counts_and_laws():
    grown = growth(loop, ones, (4, 8, 16, 32))
    assert (grown.work, grown.span) == ((4, 8, 16, 32), (4, 8, 16, 32))
    assert (grown.work_law, grown.span_law, grown.span_exponent) == ("n", "n", pytest.approx(1))
    text = str(grown)
    assert all(str(size) in text for size in grown.sizes)
    assert "span grows like n (exponent 1.00)" in text
    assert grown.complete


def test_growth_that_is_unclear_says_so():
    def jumpy(x):
        for _ in range(len(x) * 37 % 23):
            x = x + 1

    assert "span growth is unclear" in str(growth(jumpy, ones, (4, 8, 16, 32, 64)))


def test_growth_says_what_it_did_not_count():
    grown = growth(lambda x: x.sum().item(), ones, (4, 8, 16))
    assert not grown.complete
    assert "not counted: Tensor.item" in str(grown)


def test_growth_keeps_no_outputs():
    assert all(cost.output is None for cost in growth(prefix_sums, ones, (4, 8, 16)).costs)


@pytest.mark.parametrize("sizes", [(4, 8), (4, 4, 8), (8, 4, 2)])
def test_growth_refuses_sizes_that_show_no_growth(sizes):
    with pytest.raises(ValueError, match="three or more"):
        growth(prefix_sums, ones, sizes)


def test_growth_passes_the_limit_on():
    with pytest.raises(RuntimeError, match="more than 40 operations"):
        growth(loop, ones, (4, 8, 16, 32), limit=40)


def test_the_figure_tells_the_lines_apart_without_colour_and_says_what_it_shows():
    grown = {
        "loop": growth(loop, ones, (4, 8, 16)),
        "prefix sums": growth(prefix_sums, ones, (4, 8, 16)),
    }
    figure, alt = plot(grown, size="length m of x (numbers)", symbol="m")
    work, span = figure.axes
    assert figure.get_suptitle()
    assert (work.get_title(), span.get_title()) == ("Work", "Span")
    for axes in (work, span):
        assert axes.get_xlabel() == "length m of x (numbers)"
        assert axes.get_ylabel()
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        first, second = axes.get_lines()
        assert first.get_marker() != second.get_marker()
        assert first.get_linestyle() != second.get_linestyle()
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert labels[0] == "loop: m"
    assert list(span.get_lines()[0].get_ydata()) == [4, 8, 16]
    assert "loop: from 4 to 16" in alt
    assert "span from 2 to 4 (log m)" in alt


def test_the_figure_survives_a_function_that_computes_nothing(tmp_path):
    figure, _ = plot({"view": growth(lambda x: x[1:], ones, (4, 8, 16))})
    figure.savefig(tmp_path / "figure.png")


def test_importing_the_package_leaves_matplotlib_and_the_compiler_alone():
    code = (
        "import sys, torch; from labkit import workspan; workspan.measure(torch.ones, 3); "
        "print([name for name in ('matplotlib', 'torch._dynamo') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "notebooks",
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"


def test_every_row_of_the_table_costs_something_sensible():
    for row in TABLE:
        sizes = {"n": 4, "k": 8, "m": 64, "r": 8, "c": 8}
        assert row.count(**sizes) >= 0, row.family
        assert row.steps(**sizes) >= 0, row.family
        assert (row.steps(**sizes) == 0) == (row.work == "0"), row.family


def test_the_page_shows_the_table_the_code_draws_from():
    page = (ROOT / "docs" / "workspan.md").read_text()
    assert table() in page, "print(labkit.workspan.table()) belongs in docs/workspan.md"


def test_every_example_on_the_page_runs_and_shows_what_it_says(capsys):
    page = (ROOT / "docs" / "workspan.md").read_text()
    examples = "\n".join(re.findall(r"```pycon\n(.*?)```", page, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, {}, "docs/workspan.md", None, None)
    failed, attempted = doctest.DocTestRunner().run(test)
    assert attempted > 10
    assert failed == 0, capsys.readouterr().out
