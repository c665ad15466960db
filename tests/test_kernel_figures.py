"""Figures of the kernel notebook: drawn for right and for wrong answers, with alternative text that
tells what is seen; refused in words where there is nothing to draw."""

import math
import re

import matplotlib.pyplot as plt
import pytest
import torch

from autograder.diagnosis import known_mistakes
from labkit import forms, kernel_costs, kernel_plots, plots
from labkit.checks import Mismatch
from solutions.reference import kernel

MISTAKES = {(known.function, known.name): known.run for known in known_mistakes()}


@pytest.fixture
def shown(monkeypatch):
    """What was put into the notebook, as text."""
    outputs = []
    monkeypatch.setattr(plots, "display", lambda output: outputs.append(output.data))
    yield outputs
    assert plt.get_fignums() == [], "a figure was left open"


def alt(output):
    return re.search(r'alt="([^"]*)"', output)[1]


def test_the_outputs_tell_a_right_answer(shown):
    kernel_plots.outputs(kernel.kernel, kernel.output)
    first, second = re.search(r"distances are (\S+) and (\S+)\.$", alt(shown[0])).groups()
    assert float(first) < 1e-6
    assert float(second) < 1e-6


@pytest.mark.parametrize("name", ["looks_ahead", "one_step_late", "circular"])
def test_the_outputs_show_a_wrong_output_beside_a_right_kernel(name, shown):
    kernel_plots.outputs(kernel.kernel, MISTAKES["kernel_output", name])
    first, second = re.search(r"distances are (\S+) and (\S+)\.$", alt(shown[0])).groups()
    assert float(first) < 1e-6
    assert float(second) > (0.01 if name == "circular" else 0.4)


@pytest.mark.parametrize("name", ["one_tap_short", "lags_last", "nothing_returned"])
def test_a_kernel_of_another_shape_is_said_and_not_drawn(name, shown):
    with pytest.raises(Mismatch, match=r"were asked for|nothing came back"):
        kernel_plots.outputs(MISTAKES["ssm_kernel", name], kernel.output)
    assert shown == []


def test_three_impulse_responses_are_drawn_whatever_was_found_by_hand(shown):
    kernel_plots.impulse_responses(kernel.kernel, [0, 1.5, 1.2], torch.ones(4, 1, 1))
    told = re.search(r"known ones: (.*)\.$", alt(shown[0]))[1].split(", ")
    assert [float(distance) for distance in told] == pytest.approx([0, 0, 0], abs=1e-3)


def test_a_result_by_hand_that_is_missing_is_said(shown):
    with pytest.raises(Mismatch, match="still to be answered"):
        kernel_plots.impulse_responses(kernel.kernel, ..., [1])


def test_the_accuracy_tells_the_largest_error_and_what_is_not_finite(shown):
    kernel_plots.accuracy(kernel.closed_form)
    assert "0 of 17 values not finite" in alt(shown[0])
    assert float(re.search(r"error of yours is (\S+),", alt(shown[0]))[1]) < 1e-5
    kernel_plots.accuracy(lambda *args: math.nan * kernel.closed_form(*args))
    assert "17 of 17 values not finite" in alt(shown[1])


def test_an_answer_that_cancels_lies_on_the_closed_form_as_it_stands(shown):
    typed = MISTAKES["kernel_identity_plus_rank_one", "closed_form_as_it_stands"]
    kernel_plots.accuracy(typed)
    assert float(re.search(r"error of yours is (\S+),", alt(shown[0]))[1]) == 1


def test_doubling_tells_the_distance_and_both_spans(shown):
    kernel_costs.doubling(kernel.doubling, kernel.doubling)
    assert "the largest distance between them is 0." in alt(shown[0])
    assert "by doubling: 16 at L = 8, 36 at L = 256." in alt(shown[0])
    kernel_costs.doubling(MISTAKES["kernel_by_doubling", "step_never_squared"], kernel.doubling)
    assert "the largest distance between them is 0." not in alt(shown[1])


def test_work_against_span_names_six_ways_with_their_counts(shown):
    kernel_costs.work_against_span(kernel.doubling, kernel.fft, kernel.doubling)
    assert "output, step by step: span 85 to 1,285" in alt(shown[0])
    assert alt(shown[0]).count("span 20 to 36") == 2
    assert alt(shown[0]).count(", work ") == 6


def test_what_cannot_be_counted_is_said(shown):
    def in_numpy(K, u):
        return torch.from_numpy(K.numpy()[:, 0] * u.numpy())

    kernel_costs.work_against_span(kernel.doubling, in_numpy, kernel.doubling)
    assert "your convolution (not all can be counted)" in alt(shown[0])


def test_the_diagonal_tells_the_work_with_and_without_the_structure(shown):
    kernel_costs.diagonal(kernel.vandermonde, kernel.doubling)
    counts = re.findall(r"([\d,]+) at n = ", alt(shown[0]))
    structured, _, _, dense = (int(count.replace(",", "")) for count in counts)
    assert dense > 100 * structured


def test_findings_are_a_row_for_each_function(shown):
    rank_one = kernel.closed_form
    kernel_costs.findings(
        kernel.doubling, kernel.doubling, kernel.vandermonde, rank_one, kernel.fft
    )
    rows = shown[0].splitlines()
    assert len(rows) == 2 + 5
    assert rows[3].startswith("| 1d, by doubling | 122,512 | 197,904 | 40 | 45 |")


@pytest.mark.parametrize("draw", [kernel_costs.doubling, kernel_costs.diagonal])
def test_an_unanswered_function_is_refused_before_it_is_counted(draw, shown):
    with pytest.raises(Mismatch, match="nothing came back"):
        draw(lambda *args: None, kernel.doubling)
    assert shown == []


# ---- Forms that run for their cost alone


def test_step_by_step_waits_for_every_step():
    spans = [forms.step_by_step(8, L).span for L in (10, 20, 30)]
    assert spans[2] - spans[1] == spans[1] - spans[0] == 10 * (1 + 3 + 1)  # A x, then + B u


def test_a_scan_waits_for_a_product_and_a_sum_in_each_round():
    spans = [forms.scan(8, L).span for L in (15, 31, 63)]
    assert spans[2] - spans[1] == spans[1] - spans[0] == 1 + 3 + 1


def test_a_scan_does_more_than_the_loop_and_waits_less():
    loop, scan = forms.step_by_step(8, 256), forms.scan(8, 256)
    assert loop.span / scan.span == pytest.approx(27, abs=1)
    assert scan.work / loop.work == pytest.approx(6, abs=0.5)


def test_a_fourier_transform_has_the_least_work_of_a_long_convolution():
    work = [forms.fourier(L).work / (L * math.log2(L)) for L in (127, 1023, 8191)]
    assert max(work) < 1.3 * min(work)
    assert all(form.complete for form in (forms.fourier(100), forms.scan(4, 100)))
