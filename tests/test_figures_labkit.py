"""Figures and tables of the notebooks: drawn for right and for wrong answers, with alternative
text that tells what is seen, and a plain sentence where there is nothing to draw yet."""

import base64
import doctest
import re

import matplotlib.pyplot as plt
import pytest
import torch

from autograder.diagnosis import known_mistakes
from labkit import answers, inputs, plots, race
from labkit.answers import answered, needs
from labkit.checks import Mismatch
from labkit.timing import FAIR, Row, Timing
from solutions.reference import ssm

MISTAKES = {known.name: known for known in known_mistakes()}


@pytest.fixture
def shown(monkeypatch):
    """What was put into the notebook, as text."""
    outputs = []
    monkeypatch.setattr(plots, "display", lambda output: outputs.append(output.data))
    yield outputs
    assert plt.get_fignums() == [], "a figure was left open"


def alt(output):
    return re.search(r'alt="([^"]*)"', output)[1]


def rows(**seconds):
    """Made-up measurements: seconds[name] as a function of H and T."""
    return [
        Row(name, {"H": H, "T": T}, Timing(t(H, T), 0.9 * t(H, T), 1.1 * t(H, T), 7), 100 * H * T)
        for H in (2, 8)
        for T in (8, 32, 128)
        for name, t in seconds.items()
    ]


MEASURED = rows(slow=lambda H, T: T * 1e-5, fast=lambda H, T: H * T**2 * 1e-7)


def test_a_figure_is_a_png_with_alternative_text_that_no_quote_breaks(shown):
    figure, _ = plt.subplots()
    plots.show(figure, 'states "h" < 1')
    data = re.search(r"base64,([^\"]+)", shown[0])[1]
    assert base64.b64decode(data).startswith(b"\x89PNG")
    assert alt(shown[0]) == "states &quot;h&quot; &lt; 1"


def test_the_responses_tell_a_right_answer(shown):
    plots.responses(ssm.recurrence)
    assert "the largest state before the knock is 0 and must be 0" in alt(shown[0])
    assert "0.013 away from the limit, where 0.013 is to be expected" in alt(shown[0])


def test_the_responses_show_a_state_that_moves_too_early(shown):
    plots.responses(MISTAKES["padded_at_both_ends"].run)
    early = re.search(r"before the knock is (.*) and must be 0", alt(shown[0]))[1]
    assert float(early) > 0.1


def test_the_responses_show_a_push_that_is_lost(shown):
    plots.responses(MISTAKES["bias_at_first_step_only"].run)
    assert "0.81 away from the limit, where 0.013 is to be expected" in alt(shown[0])


@pytest.mark.parametrize("name", ["last_state_only", "time_first", "not_returned"])
def test_a_result_of_another_shape_is_said_and_not_drawn(name, shown):
    with pytest.raises(Mismatch, match=r"was asked for|nothing came back"):
        plots.responses(MISTAKES[name].run)
    assert shown == []


def test_the_kernel_figure_tells_how_far_the_entries_are_from_the_known_powers(shown):
    plots.kernel_taps(ssm.kernel)
    plots.kernel_taps(MISTAKES["starts_at_W"].run)
    right, wrong = (float(re.search(r"line is (.*)\.$", alt(text))[1]) for text in shown)
    assert right < 1e-6
    assert wrong > 0.1


def test_the_differences_tell_where_two_results_part(shown):
    h = torch.ones(2, 50, 3)
    parted = h.clone()
    parted[1, 30:, 0] += 0.5
    plots.differences(h, h)
    plots.differences(h, parted)
    assert "They agree at every step." in alt(shown[0])
    assert "They part at step 31." in alt(shown[1])


def test_counts_are_told_as_ratios(shown):
    race.counted(ssm.recurrent_flops, ssm.convolution_flops, 32, 32, H=(4, 32), T=(512,))
    assert shown[0].splitlines()[2] == "| 512 | 57.8 | 257 |"


def test_the_race_tells_where_the_second_function_was_faster(shown):
    race.draw(MEASURED, {2: 16, 8: None})
    assert "Lengths T at which fast is faster: H = 2: 8, 32; H = 8: 8." in alt(shown[0])


def test_a_lead_within_the_spread_is_no_lead():
    close = rows(first=lambda H, T: 1.0, second=lambda H, T: 0.85)
    clear = rows(first=lambda H, T: 1.0, second=lambda H, T: 0.8)
    assert race.faster_lengths(close, 2) == []
    assert race.faster_lengths(clear, 2) == [8, 32, 128]


@pytest.mark.parametrize("crossing", [{}, {2: ..., 8: ...}, {2: 100, 8: None}, {2: "soon"}])
def test_a_race_is_drawn_whatever_was_predicted(crossing, shown):
    race.draw(MEASURED, crossing)
    race.findings(MEASURED, crossing, {"slow": ssm.recurrent_flops, "fast": sum_of}, 32, 32)
    assert len(shown) == 2


def sum_of(*sizes):
    return 2 * ssm.recurrent_flops(*sizes)


def test_the_findings_compare_work_time_memory_and_speed(shown):
    race.findings(MEASURED, {2: 16}, {"slow": ssm.recurrent_flops, "fast": sum_of}, 32, 32)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown[0].splitlines()]
    told = {line[0]: line[1:] for line in lines}
    assert told[""] == ["H = 2", "H = 8"]
    assert told["fast faster at T ="] == ["8, 32", "8"]
    assert told["you said: from T ="] == ["16", "..."]
    assert told["T = 128: fast / slow, operations"] == ["2", "2"]
    assert told["the same, time"] == ["2.56", "10.2"]
    assert told["the same, peak memory"] == ["1", "1"]


def test_growth_is_told_as_factors(shown):
    race.growth(MEASURED, [({"H": 2, "T": 8}, {"H": 2, "T": 32})])
    assert "| H = 2, T = 8 → H = 2, T = 32 | x 4 | x 4 | x 16 | x 4 |" in shown[0]


def test_the_clocks_tell_median_and_range_of_each(shown):
    plots.clocks({"hasty": [0.5, 1.0, 3.0], FAIR: [2.0, 2.0, 2.0]}, "loop", "convolution")
    assert "hasty: 1, between 0.5 and 3; fair: waits" in alt(shown[0])


def test_a_cell_that_needs_an_answer_says_so_and_goes_on(capsys):
    with needs("2a", "2b", "the measurement above"):
        plots.responses(lambda W, U, b, x: None)
    said = capsys.readouterr().out
    assert said.startswith("This cell needs 2a, 2b and the measurement above first.")
    assert "still to be answered" in said


def test_a_cell_whose_input_was_never_made_says_what_to_run(capsys):
    with needs("the measurement"):
        race.draw(not_yet_measured, {})  # noqa: F821
    assert "'not_yet_measured' is not defined: run the cell" in capsys.readouterr().out


def test_an_error_in_an_answer_is_told_with_its_line(capsys):
    def forward(W, U, b, x):
        return x @ U + b  # this line

    with needs("2a"):
        forward(*ssm_args())
    said = capsys.readouterr().out
    assert "RuntimeError: " in said
    assert "in forward: return x @ U + b  # this line" in said


def ssm_args():
    return torch.eye(3), torch.ones(3, 2), torch.zeros(3), torch.ones(4, 5, 2)


@pytest.mark.parametrize("module", [answers, inputs], ids=lambda module: module.__name__)
def test_the_examples_in_the_documentation_hold(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0


def test_stopping_a_cell_by_hand_still_stops_it():
    with pytest.raises(KeyboardInterrupt), needs("2a"):
        raise KeyboardInterrupt


def test_a_function_that_returns_nothing_is_refused_before_it_is_counted():
    assert answered(len)("abc") == 3
    with pytest.raises(Mismatch, match="still to be answered"):
        answered(lambda x: None)(1)
