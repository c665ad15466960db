"""What the GPU notebook draws, counts and keeps: right for right answers, telling for wrong ones,
and silent about measurements that nobody has made."""

import re

import matplotlib.pyplot as plt
import pytest
import torch

from autograder.diagnosis import known_mistakes
from labkit import plots, recorded, ssm
from labkit.checks import Mismatch
from labkit.inputs import diagonal_ssm_inputs, rotation, scaled_diagonal, ssm_inputs
from labkit.timing import Row, Timing
from solutions.reference import ssm as reference
from solutions.reference import ssm_diagonal

MISTAKES = {known.name: known for known in known_mistakes()}


@pytest.fixture
def shown(monkeypatch):
    """What was put into the notebook, as text."""
    outputs = []
    monkeypatch.setattr(plots, "display", lambda output: outputs.append(output.data))
    yield outputs
    assert plt.get_fignums() == [], "a figure was left open"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of its own to run a notebook in, beside nothing."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


UNSHAPED = ("time_first", "last_state_only", "not_returned")


def alt(output):
    return re.search(r'alt="([^"]*)"', output)[1]


def lines(output):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in output.splitlines()]


def rows(**seconds):
    """Made-up measurements: seconds[name] as a function of H and T."""
    return [
        Row(name, {"H": H, "T": T}, Timing(t(H, T), 0.9 * t(H, T), 1.1 * t(H, T), 7), 100 * H * T)
        for H in (4, 16)
        for T in (8, 32)
        for name, t in seconds.items()
    ]


RACE = rows(loop=lambda H, T: T * 1e-3, conv=lambda H, T: H * T**2 * 1e-5)


# ---- Random systems


def test_a_scaled_diagonal_has_the_radius_asked_for_and_entries_that_all_differ():
    W = scaled_diagonal(6, 0.5, torch.Generator().manual_seed(1))
    assert torch.equal(W, W.diagonal().diag())
    magnitudes = W.diagonal().abs().sort().values
    torch.testing.assert_close(magnitudes, torch.linspace(0.45, 0.5, 6))
    assert int((W.diagonal() < 0).sum()) == 3


def test_diagonal_inputs_are_the_full_ones_but_for_w():
    full = ssm_inputs(2, 5, 3, 4, generator=torch.Generator().manual_seed(1))
    diagonal = diagonal_ssm_inputs(2, 5, 3, 4, generator=torch.Generator().manual_seed(1))
    assert all(torch.equal(a, b) for a, b in zip(full[1:], diagonal[1:], strict=True))
    assert diagonal[0].shape == (4, 4)


# ---- A result put into the model's equation


def test_right_states_leave_only_rounding_over():
    inputs = ssm_inputs(3, 50, 4, 6)
    assert ssm.residual(*inputs, reference.recurrence(*inputs)) < 1e-14
    assert 0 < ssm.residual(*inputs, reference.chunked(*inputs)) < 1e-6


@pytest.mark.parametrize(
    "name",
    [known.name for known in MISTAKES.values() if known.function == "unrolled_ssm_forward"],
)
def test_wrong_states_leave_something_over_or_are_refused(name):
    wrong = MISTAKES[name]
    inputs = ssm_inputs(3, 120, 4, 6, generator=torch.Generator().manual_seed(1))
    h = wrong.run(*(argument.clone() for argument in inputs))
    if wrong.name in UNSHAPED:
        with pytest.raises(Mismatch, match=r"nothing came back|the shape is"):
            ssm.residual(*inputs, h)
    else:
        right = torch.allclose(h.double(), reference.recurrence(*inputs), rtol=1e-5, atol=1e-4)
        assert (ssm.residual(*inputs, h) < 1e-5) == right


# ---- Figures and tables


def test_the_taps_tell_how_far_they_are_from_the_known_powers_in_either_order(shown):
    ssm.taps(ssm_diagonal.kernel)
    ssm.taps(lambda W, T: ssm_diagonal.kernel(W, T).flip(-1))
    assert re.search(r"dots and line is [\d.]+e-16, or 1.3 if", alt(shown[0]))
    assert re.search(r"dots and line is 1.3, or [\d.]+e-16 if", alt(shown[1]))


def test_the_taps_show_an_entry_used_for_all_units(shown):
    ssm.taps(MISTAKES["kernel_of_one_entry"].run)
    assert "between dots and line is 1.9," in alt(shown[0])


@pytest.mark.parametrize("name", ["middle_axis_missing", "lags_before_units", "dense_kernel"])
def test_taps_of_another_shape_are_said_and_not_drawn(name, shown):
    with pytest.raises(Mismatch, match=r"the shape is .*\(4, 1, 24\) was asked for"):
        ssm.taps(MISTAKES[name].run)


def test_launches_are_counted_without_a_clock(shown):
    def four_steps(x):
        for _ in range(4):
            x = x + 1
        return x

    ssm.launches({"four": four_steps, "one": torch.exp}, lambda T: (torch.ones(T),), (1, 2))
    assert lines(shown[0])[2:] == [["1", "4", "1"], ["2", "4", "1"]]


def test_launches_of_a_function_still_to_be_answered_are_not_counted_as_none():
    with pytest.raises(Mismatch, match="still to be answered"):
        ssm.launches({"unanswered": lambda x: None}, lambda T: (torch.ones(T),), (1,))


def test_the_savings_are_ratios_of_time_beside_those_of_work(shown):
    at_one_length = [row for row in RACE if row.sizes["T"] == 8]
    ssm.savings(at_one_length)
    assert "loop over conv, against H on log axes: 3.1 at H = 4, 0.78 at H = 16" in alt(shown[0])


def test_the_standings_compare_the_last_with_the_best_of_the_others(shown):
    fast = rows(loop=lambda H, T: T, conv=lambda H, T: H * T, fast=lambda H, T: T / 4)
    ssm.standings(fast)
    header, _, first, *_ = lines(shown[0])
    assert header == ["size", "loop (ms)", "conv (ms)", "fast (ms)", "fast / best of the others"]
    assert first == ["H = 4, T = 8", "8e+03", "3.2e+04", "2e+03", "0.25"]


def test_the_findings_put_predictions_beside_what_was_measured(shown):
    ssm.findings({"full": (RACE, {4: 16}), "diagonal": (RACE, {4: None, 16: 8})})
    assert lines(shown[0])[2:] == [
        ["full, H = 4", "8", "16", "1.3"],
        ["full, H = 16", "none", "...", "5.1"],
        ["diagonal, H = 4", "8", "never", "1.3"],
        ["diagonal, H = 16", "none", "8", "5.1"],
    ]


# ---- Measurements kept


@pytest.mark.parametrize("data", ["data", "../data", None])
def test_what_was_kept_is_found_with_its_machine(data, folder):
    if data:
        (folder / "notebooks" / data).mkdir()
    file = recorded.keep("2e", RACE, "A GPU, CUDA 1.2")
    assert file.name == "A-GPU-CUDA-1.2.json"
    assert (
        file.parent.resolve()
        == (folder / "notebooks" / (data or "data")).resolve() / "measurements"
    )
    assert recorded.recordings("2e") == [("A GPU, CUDA 1.2", RACE)]


def test_keeping_a_part_again_replaces_it_and_leaves_the_others(folder):
    recorded.keep("2e", RACE[:1], "A GPU")
    recorded.keep("2f", RACE[:2], "A GPU")
    recorded.keep("2e", RACE[2:4], "A GPU")
    recorded.keep("2e", RACE[4:], "Another")
    assert recorded.recordings("2e") == [("A GPU", RACE[2:4]), ("Another", RACE[4:])]
    assert recorded.recordings("2f") == [("A GPU", RACE[:2])]


def test_a_machine_without_a_gpu_is_called_what_it_is():
    said = recorded.machine(torch.device("cpu"))
    assert re.fullmatch(r"a CPU with \d+ cores, torch .+", said)


def test_inputs_lie_on_the_cpu_whatever_the_default_device_is():
    """A generator of the CPU's cannot draw for a GPU, and checks use one."""
    source = torch.Generator().manual_seed(1)
    with torch.device("meta"):
        made = *ssm_inputs(2, 3, 4, 5, generator=source), *diagonal_ssm_inputs(2, 3, 4, 5)
        assert {tensor.device.type for tensor in (*made, rotation(0.1))} == {"cpu"}
