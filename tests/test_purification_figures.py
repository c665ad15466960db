"""Figures of the purification notebook, and its digits: drawn for right and for wrong answers, with
alternative text that tells what is seen; refused in words where there is nothing to draw."""

import doctest
import hashlib
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from autograder.bundle_in_use import public_files
from autograder.course import Limits
from autograder.diagnosis import known_mistakes
from autograder.intake import Cell
from autograder.sandbox import levels
from autograder.sandbox.pool import Pool
from autograder.session import Session
from labkit import digits, digits_plots, plots, purification_plots
from labkit import purification as labkit_purification
from labkit.checks import Mismatch
from solutions.reference import purification
from tests.conftest import ROOT

MISTAKES = {(known.function, known.name): known.run for known in known_mistakes()}
ARGUMENTS = {
    "encoders": ("purification_losses", "alpha", "beta", "threshold"),
    "descent": ("purification_losses", "purifier"),
    "denoising": ("purification_losses", "purifier", "purify"),
    "windows": ("lambda_window",),
    "findings": ("purification_losses", "purifier"),
    "pictures": ("purifier", "purify"),
    "duel": ("purifier", "purify"),
}


def losses(W, X):
    return (X - W @ X).square().sum(), W.square().sum()


RIGHT = {
    "purification_losses": losses,
    "alpha": (0, 2),
    "beta": (0.001, 1),
    "threshold": 1e-3,
    "purifier": purification.by_svd,
    "purify": torch.matmul,
    "lambda_window": purification.window,
}


@pytest.fixture
def shown(monkeypatch):
    """What was put into the notebook, as text."""
    outputs = []
    monkeypatch.setattr(plots, "display", lambda output: outputs.append(output.data))
    yield outputs
    assert plt.get_fignums() == [], "a figure was left open"


def draw(figure, **answers):
    module = purification_plots if hasattr(purification_plots, figure) else digits_plots
    getattr(module, figure)(*((RIGHT | answers)[name] for name in ARGUMENTS[figure]))


def alt(output):
    return re.search(r'alt="([^"]*)"', output)[1]


@pytest.mark.parametrize("figure", ARGUMENTS)
def test_a_function_that_returns_nothing_is_said_and_nothing_is_drawn(figure, shown):
    with pytest.raises((Mismatch, TypeError), match=r"nothing came back|None|NoneType"):
        draw(figure, **{ARGUMENTS[figure][-1]: lambda *args: None, "threshold": None})
    assert shown == []


def test_the_encoders_tell_both_lines_by_function_and_by_hand(shown):
    draw("encoders", beta=(0.03, 1))
    assert "beta: 0.001 + 1 lam by the function, 0.03 + 1 lam by hand" in alt(shown[0])
    assert "is 0.001." in alt(shown[0])


def test_a_result_by_hand_of_another_shape_is_said(shown):
    with pytest.raises(Mismatch, match=r"the shape is \(3,\)"):
        draw("encoders", alpha=(0, 1, 2))
    assert shown == []


def test_descent_ends_just_above_a_right_closed_form(shown):
    draw("descent")
    assert "BELOW" not in alt(shown[0])
    above = re.findall(r"last loss is (\S+) above", alt(shown[0]))
    assert [float(number) < limit for number, limit in zip(above, (1e-3, 1e-7, 1e-12), strict=True)]
    assert len(above) == 3


def test_descent_falls_below_a_wrong_closed_form_and_the_figure_says_so(shown):
    draw("descent", purifier=MISTAKES["purifier", "lam_squared"])
    assert alt(shown[0]).count("BELOW") == 2  # lam = 1 is its own square
    assert "matrices differ by 0.31" in alt(shown[0])


def test_losses_that_autograd_cannot_follow_are_said(shown):
    def leaves(W, X):
        return [loss.detach() for loss in losses(W, X)]

    with pytest.raises(Mismatch, match="autograd cannot follow"):
        draw("descent", purification_losses=leaves)
    assert shown == []


def test_denoising_is_measured_where_the_two_losses_say(shown):
    draw("denoising")
    assert "lowest at lam = 2; n sigma squared is 2" in alt(shown[0])
    assert float(re.search(r"lies within (\S+)%", alt(shown[0]))[1]) < 3


def test_denoising_with_a_wrong_purifier_is_lowest_elsewhere(shown):
    draw("denoising", purifier=MISTAKES["purifier", "lam_times_n"])
    lowest = float(re.search(r"lowest at lam = (\S+);", alt(shown[0]))[1])
    assert lowest < 0.1


def test_windows_tell_a_right_answer_and_the_single_point(shown):
    draw("windows")
    assert "For keep = 3 your window is lam from 1 to 4" in alt(shown[0])
    assert "For keep = 2 your window is lam = 16 alone" in alt(shown[0])
    assert alt(shown[0]).count("low end 0 and at its high end 0 of 8") == 2


def test_windows_tell_how_many_conditions_a_wrong_answer_breaks(shown):
    draw("windows", lambda_window=MISTAKES["lambda_window", "compared_to_the_last_digit"])
    draw("windows", lambda_window=MISTAKES["lambda_window", "upper_ratio_inverted"])
    assert "For keep = 2 your window does not exist." in alt(shown[0])
    assert "at its high end 2 of 8 directions break a condition" in alt(shown[1])
    draw("windows", lambda_window=MISTAKES["lambda_window", "weakest_of_the_rest_decides"])
    assert "at its low end 4 and at its high end 0 of 8 directions break" in alt(shown[2])


def test_findings_count_the_directions_of_the_sheet(shown):
    draw("findings")
    rows = [line.split(" | ") for line in shown[0].split("\n")[2:]]
    assert [row[0].strip("| ") for row in rows] == ["0.25", "1", "2", "4", "16", "64"]
    counts = [(int(row[5]), int(row[6].strip("| "))) for row in rows]
    assert counts == [(4, 4), (3, 5), (3, 5), (3, 5), (2, 6), (0, 7)]


@pytest.mark.parametrize("module", [digits, labkit_purification], ids=lambda m: m.__name__)
def test_the_examples_in_docstrings_hold(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0


# ---- Digits


def test_the_digits_are_those_that_the_readme_describes():
    pixels, labels = digits.load()
    assert (pixels.shape, pixels.dtype, labels.dtype) == ((64, 1797), torch.float32, torch.int64)
    assert (float(pixels.min()), float(pixels.max())) == (0, 16)
    assert labels[:10].tolist() == list(range(10))
    with np.load(ROOT / "data" / "digits.npz", allow_pickle=False) as arrays:
        images = arrays["images"]
        found = hashlib.sha256(images.tobytes() + arrays["labels"].tobytes()).hexdigest()
        assert {array.dtype for array in arrays.values()} == {np.dtype(np.uint8)}
    assert found in (ROOT / "data" / "README.md").read_text("utf-8")
    zero = pixels[:, 0].reshape(8, 8)
    assert torch.equal(zero, torch.from_numpy(images[0]).float())
    assert zero[0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


@pytest.mark.parametrize("beside", ["data", "../data"])
def test_digits_are_found_beside_the_notebook_and_beside_its_folder(beside, tmp_path, monkeypatch):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / beside).mkdir()
    (folder / beside / "digits.npz").write_bytes((ROOT / "data" / "digits.npz").read_bytes())
    monkeypatch.chdir(folder)
    monkeypatch.setattr(digits, "_FOLDERS", digits._FOLDERS[:2])
    assert digits.load()[0].shape == (64, 1797)


def test_digits_are_found_by_labkit_itself_wherever_a_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert digits.load()[0].shape == (64, 1797)


def test_missing_digits_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "_FOLDERS", (tmp_path,))
    with pytest.raises(FileNotFoundError, match="leave the folder `data` beside the notebooks"):
        digits.load()


@pytest.mark.usefixtures("readable_python")
def test_digits_are_found_in_the_sandbox():
    try:
        level, _ = levels.choose([])
    except levels.NoSandboxError as error:
        pytest.skip(str(error))
    source = (
        "from labkit import digits\npixels, labels = digits.load()\ntotal = float(pixels.sum())"
    )
    limits = Limits(memory_bytes=512 << 20)
    with (
        Pool(level, public_files(ROOT), limits) as pool,
        Session(pool, [Cell(1, "code", source)], limits) as session,
    ):
        assert session.problems == ()
        names = session.names()
        assert names.get("total") == 561718.0
        names.close()


def test_a_split_takes_the_mean_of_the_training_digits_off_both_parts():
    X, others, mean = digits.split(900, torch.Generator().manual_seed(0))
    assert (X.shape, others.shape, mean.shape) == ((64, 900), (64, 897), (64, 1))
    assert float(X.mean(1).abs().max()) < 1e-5
    assert float((others + mean).min()) == pytest.approx(0, abs=1e-5)


def test_the_oracle_projects_as_trying_all_numbers_of_components_would():
    X, clean, _ = digits.split(200, torch.Generator().manual_seed(1))
    noisy = clean + 3 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))
    count, projected = digits_plots.best_projection(X, clean, noisy)
    U = torch.linalg.svd(X)[0]
    tried = [float((clean - U[:, :k] @ (U[:, :k].T @ noisy)).square().mean()) for k in range(65)]
    assert count == int(np.argmin(tried))
    assert float((clean - projected).square().mean()) == pytest.approx(min(tried), rel=1e-4)


def test_pictures_tell_the_errors(shown):
    draw("pictures")
    ridge, oracle = re.search(
        r"λ = nσ²: (\S+), PCA, oracle k = 18: (\S+)\.$", alt(shown[0])
    ).groups()
    assert (float(ridge), float(oracle)) == (4.82, 6.85)


def test_the_duel_is_won_but_for_few_digits_and_little_noise_as_the_notebook_says(shown):
    draw("duel")
    assert "lowest at 1 (sigma = 1), 1 (sigma = 4), 1 (sigma = 8)" in alt(shown[0])
    corner = re.search(
        r"100 training digits .*? in (\d+) of 80 splits \((\d+) of 20 with", alt(shown[0])
    )
    assert [int(wins) for wins in corner.groups()] == pytest.approx([70, 10], abs=1)
    for n in (300, 900):
        assert f"With {n} training digits yours is better in 80 of 80" in alt(shown[0])


def test_with_few_digits_and_little_noise_a_smaller_lam_is_better_as_the_notebook_says():
    powers = [-2.5, -2, -1.5, -1, 0]
    (errors,) = digits_plots._dial(purification.by_svd, torch.matmul, 100, (1.0,), powers).values()
    assert powers[int(np.argmin(errors))] in (-2, -1.5)
    assert 0.86 < min(errors) / errors[-1] < 0.93


def test_a_wrong_purifier_loses_the_duel(shown):
    draw("duel", purifier=MISTAKES["purifier", "lam_squared"])
    assert alt(shown[0]).count("is better in 0 of 80 splits") == 3
