"""Figures of the ridge-attention notebook: drawn for right and for wrong answers, with alternative
text that tells what is seen; refused in words, and not half drawn, where there is nothing to draw.
"""

import html
import re

import matplotlib.pyplot as plt
import pytest
import torch

from autograder.diagnosis import known_mistakes
from labkit import plots, ridge_costs, ridge_dial, ridge_drift, ridge_plots
from labkit.checks import Mismatch
from solutions.reference import ridge_attention
from tests import corpus

MISTAKES = {(known.function, known.name): known.run for known in known_mistakes()}
SOLUTION = corpus.read("q_ridge_attention").submission({})


@pytest.fixture(autouse=True, scope="module")
def quick():
    with corpus.one_thread():
        yield


@pytest.fixture
def shown(monkeypatch):
    """What was put into the notebook, as text."""
    outputs = []
    monkeypatch.setattr(plots, "display", lambda output: outputs.append(output.data))
    yield outputs
    assert plt.get_fignums() == [], "a figure was left open"


def alt(output):
    return html.unescape(re.search(r'alt="([^"]*)"', output)[1])


def number(pattern, text):
    return float(re.search(pattern, text)[1].replace(",", ""))


def solved(name):
    return SOLUTION[name]


def known(function, name):
    return MISTAKES[function, name]


# ---- 4a to 4d


def test_averages_tell_a_right_answer_and_one_that_forgets(shown):
    ridge_plots.averages(solved("running_mean"))
    ridge_plots.averages(known("running_mean", "forgetting_mean"))
    right, wrong = (number(r"Largest distance: (\S+)\.$", alt(text)) for text in shown)
    assert right < 1e-6
    assert wrong > 0.1


def test_shrinkage_tells_a_right_answer_and_one_with_lam_squared(shown):
    ridge_plots.shrinkage(solved("ridge_weights"))
    ridge_plots.shrinkage(known("ridge_weights", "lam_squared"))
    right, wrong = (number(r"Largest distance: (\S+)\.$", alt(text)) for text in shown)
    assert right < 1e-5
    assert wrong > 0.1


def test_lines_have_the_slope_of_the_data_for_small_lam_and_none_for_large(shown):
    ridge_plots.lines(solved("ridge_attention"))
    ridge_plots.lines(known("ridge_attention", "softmax_in_its_place"))
    right, wrong = ([float(s) for s in re.findall(r"(-?\d\.\d\d) for", alt(t))] for t in shown)
    assert right[0] == pytest.approx(1, abs=0.1)
    assert right[2] == pytest.approx(0, abs=0.05)
    assert len(set(wrong)) == 1  # lam plays no part


def test_slopes_are_all_different_from_zero_unless_something_is_cut_off(shown):
    def detached(Q, K, V, lam):
        return ridge_attention.attention(Q, K.detach(), V, lam)

    for function in (solved("ridge_attention"), detached):
        ridge_plots.slopes(function)
    right, wrong = (re.search(r"lam = 1: ([^;]*);", alt(t))[1].split(", ") for t in shown)
    assert min(map(float, right)) > 0.01
    assert [float(size) > 0 for size in wrong] == [True, False, True, True]


# ---- 4e and 4f


def test_updates_tell_the_work_of_a_right_and_of_a_costly_answer(shown):
    ridge_costs.updates(solved("sherman_morrison"))
    ridge_costs.updates(known("sherman_morrison", "inverse_taken_for_M"))
    cheap, costly = (number(r"yours: .* ([\d,]+) at d = 128\. inv", alt(t)) for t in shown)
    assert costly > 20 * cheap


def test_surprise_lies_on_the_known_rates_and_tells_when_it_does_not(shown):
    ridge_plots.surprise(solved("causal_ridge_attention"))
    ridge_plots.surprise(known("causal_ridge_attention", "surprise_left_out"))
    right, wrong = (number(r"known curve: (\S+)\.$", alt(text)) for text in shown)
    assert right < 1e-4
    assert wrong > 0.1
    told = re.search(r"surprises are ([^;]*);", alt(shown[0]))[1].split(", ")
    new, again, _, other, *_, changed, between = map(float, told)
    assert new == other == 1
    assert again < 0.1
    assert changed > 1.9
    assert between == 0


@pytest.mark.parametrize(
    ("name", "early", "own"),
    [
        (None, 0, 16),
        ("future_let_in", 120, 16),
        ("future_keys_let_in", 120, 16),
        ("own_pair_left_out", 0, 0),
        ("without_gradients", 0, 0),
    ],
)
def test_causality_counts_what_comes_from_the_future_and_from_the_own_key(name, early, own, shown):
    function = "causal_ridge_attention"
    ridge_plots.causality(known(function, name) if name else solved(function))
    assert f"{early} of 120 entries above the diagonal are not zero" in alt(shown[0])
    assert f"{own} of 16 on the diagonal are not zero" in alt(shown[0])


def test_causal_work_is_told_beside_from_scratch_and_softmax(shown):
    ridge_costs.causal(solved("causal_ridge_attention"), solved("ridge_attention"))
    text = alt(shown[0]).split("Right, against d:")[0]
    ends = {
        name: [
            number(rf"{name}: ([\d,]+) at n = 8", text),
            number(rf"{name}: .*? ([\d,]+) at n = 128", text),
        ]
        for name in ("yours", "your 4c from scratch, at each t", "softmax attention")
    }
    growth = {name: last / first for name, (first, last) in ends.items()}
    assert growth["yours"] == pytest.approx(16, rel=0.1)
    assert growth["softmax attention"] > 150
    assert ends["your 4c from scratch, at each t"][1] > 20 * ends["yours"][1]


# ---- 4g


def test_heat_counts_negative_weights_and_sums_of_rows(shown):
    ridge_dial.heat(solved("ridge_attention_weights"))
    ridge_dial.heat(known("ridge_attention_weights", "softmax_weights"))
    assert "640 of 1024 are negative, and rows add up to between 0.00 and 0.00" in alt(shown[0])
    assert "0 of 1024 are negative, and rows add up to between 1.00 and 1.00" in alt(shown[1])


def test_limits_are_reached_at_both_ends_of_the_dial(shown):
    ridge_dial.limits(solved("ridge_attention_weights"))
    distances = re.findall(r"(\S+) at lam = 1e-5 and (\S+) at 1e5", alt(shown[0]))[0]
    squares = re.search(r"least squares (\S+) and (\S+)\. Right", alt(shown[0])).groups()
    assert float(distances[0]) == pytest.approx(1, abs=0.1)
    assert float(distances[1]) < 1e-3
    assert float(squares[0]) < 1e-3
    assert float(squares[1]) == pytest.approx(1, abs=0.1)


def test_the_dial_is_a_slider_where_a_notebook_runs_and_nothing_elsewhere(monkeypatch, shown):
    weights, displayed = solved("ridge_attention_weights"), []
    monkeypatch.setattr(ridge_dial, "display", displayed.append)
    ridge_dial.dial(weights)
    assert displayed == []
    shell = type("Shell", (), {"kernel": object()})()
    monkeypatch.setattr(ridge_dial, "get_ipython", lambda: shell)
    ridge_dial.dial(weights)
    (slider,) = displayed[0].children[:1]
    assert (slider.description, slider.min, slider.max) == ("lam", -4, 4)
    displayed[0].f(lam=2.0)
    assert alt(shown[-1]).startswith("14 of 24 weights are negative")


# ---- What was found, and beyond


def test_findings_are_a_row_for_each_function_and_tell_d_squared_from_d_cubed(shown):
    names = (
        "ridge_weights",
        "ridge_attention",
        "sherman_morrison",
        "causal_ridge_attention",
        "ridge_attention_weights",
    )
    ridge_costs.findings(*map(solved, names))
    rows = [line.split(" | ") for line in shown[0].splitlines()[2:]]
    assert [row[0].removeprefix("| ")[:2] for row in rows] == ["4b", "4c", "4e", "4f", "4g"]
    assert [float(rows[3][2]), float(rows[3][3].rstrip(" |"))] == pytest.approx([2, 4], abs=0.1)


def test_chunks_are_compared_with_the_recursion(shown):
    ridge_costs.chunks(solved("chunked_ridge_attention"), solved("causal_ridge_attention"))
    rows = [line.strip("| ").split(" | ") for line in shown[0].splitlines()[3:]]
    assert [row[0] for row in rows] == [f"chunk = {c}" for c in (1, 4, 16, 32, 250)]
    assert all(float(row[1]) < 1e-5 for row in rows)
    launches = [float(row[-1].replace(",", "")) for row in rows]
    assert launches[0] > 20 * launches[3]


def test_drift_sets_the_recursion_beside_sums_and_the_record(shown, monkeypatch):
    monkeypatch.setattr(ridge_drift, "LENGTHS", ridge_drift.LENGTHS[:9])
    shorter = {name: errors[:9] for name, errors in ridge_drift.RECORDED.items()}
    monkeypatch.setattr(ridge_drift, "RECORDED", shorter)
    ridge_drift.drift(known("causal_ridge_attention", "memory_detached"), solved("ridge_attention"))
    text = alt(shown[0])
    drifted = number(r"recursion: \S+ at n = 4, (\S+) at n = 1024", text)
    added = number(r"adds up: \S+ and (\S+) at n = 1024", text)
    assert drifted > 1e-2  # M^-1 and J, whatever becomes of its gradients
    assert added < 1e-6
    assert "On record, gain form: 0.0006" in text


def test_an_n_by_n_solver_is_not_given_contexts_that_take_minutes():
    def dual(Q, K, V, lam):
        return Q @ K.T @ torch.linalg.solve(lam * torch.eye(len(K)) + K @ K.T, V)

    K, V, _ = ridge_drift.context()
    assert ridge_drift._reach(dual, K, V) == 512
    assert ridge_drift._reach(solved("ridge_attention"), K, V) == len(K)


# ---- Where there is nothing to draw


def unanswered(*args):
    return None


def raises(*args):
    raise ValueError("not yet")


@pytest.mark.parametrize("answer", [unanswered, raises])
@pytest.mark.parametrize(
    "draw",
    [
        ridge_plots.averages,
        ridge_plots.shrinkage,
        ridge_plots.lines,
        ridge_plots.slopes,
        ridge_plots.surprise,
        ridge_plots.causality,
        ridge_costs.updates,
        ridge_dial.heat,
        ridge_dial.limits,
        lambda f: ridge_costs.causal(f, f),
        lambda f: ridge_costs.chunks(f, f),
        lambda f: ridge_costs.findings(f, f, f, f, f),
        lambda f: ridge_drift.drift(f, f),
        lambda f: ridge_dial.at(f, 1.0),
    ],
)
def test_what_is_not_answered_is_said_and_nothing_is_drawn(draw, answer, shown):
    with pytest.raises((Mismatch, ValueError), match=r"nothing came back|not yet"):
        draw(answer)
    assert shown == []
