"""`autograder bench claims` at small sizes: what it says, what it writes, and the figure of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from autograder.bench import Row
from labkit import claims, recorded
from labkit.timing import Row as Measured
from labkit.timing import Timing, using_threads
from solutions.benches import claims as bench


def made_up(seconds):
    """Rows of two forms with these seconds by name, H and T."""
    return [
        Measured(name, {"H": H, "T": T}, Timing(second, second, second, 9), 8)
        for (name, H, T), second in seconds.items()
    ]


FAIR = made_up(
    {("loop", 2, 8): 1.0, ("loop", 2, 32): 4.0, ("conv", 2, 8): 0.5, ("conv", 2, 32): 8.0}
)
ORIGINAL = made_up(
    {("loop", 2, 8): 1.0, ("loop", 2, 32): 1.0, ("conv", 2, 8): 3.0, ("conv", 2, 32): 2.0}
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The claims about a CPU at two sizes, measured, and the folder that was written to."""
    folder = tmp_path_factory.mktemp("claims")
    (folder / "data").mkdir()
    parts = [replace(c, H=(2,), N=4) for c in bench.CLAIMS if c.device == "cpu"]
    with using_threads(1):
        return list(bench.measured(parts, 6, folder, lengths=(4, 8))), folder


def test_every_size_has_a_fair_ratio_and_the_original_s_beside_it(small):
    rows = [row for row in small[0] if isinstance(row, Row)]
    assert [row.name for row in rows[:2]] == [
        "2c convolution/recurrence H=2 T=4 N=4 fair",
        "2c convolution/recurrence H=2 T=4 N=4 the original way",
    ]
    assert len(rows) == 8
    assert {row.verdict for row in rows[::2]} <= {"holds", "fails", "undecided"}
    assert all(row.ratio > 0 for row in rows)


def test_what_was_measured_is_written_with_the_processor_s_name_and_a_figure(small):
    said, folder = small
    (file,) = (folder / "data" / "measurements").glob("*.json")
    kept = json.loads(file.read_text())
    assert kept["machine"] == bench.name_of("cpu")
    assert set(kept["parts"]) == {
        "2c", "2c, the original way", "2f on a CPU", "2f on a CPU, the original way",
    }  # fmt: skip
    assert file.with_suffix(".svg").read_text().count("<svg") == 1
    assert said[-1].endswith(f"data/measurements/{file.name}, and a figure beside it")


def test_a_gpu_that_is_not_there_is_said_and_nothing_is_invented(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    gpu = [claim for claim in bench.CLAIMS if claim.device == "cuda"]
    said = list(bench.measured(gpu, 6, tmp_path))
    assert said == ["left out: 2e and 2f, which needs a GPU"]
    assert list(tmp_path.iterdir()) == []


def test_the_figure_says_in_words_where_the_original_way_misleads():
    _, said = claims.drawn({"2c": (FAIR, ORIGINAL)})
    assert said == (
        "2c: time of the conv over time of the loop. H = 2: 0.5 at T = 8, 2 at T = 32. "
        "The original way puts 1 of 2 on the other side of 1."
    )


def test_notebooks_show_the_figure_of_each_machine_or_say_that_there_is_none(
    tmp_path, monkeypatch, capsys
):
    shown = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(claims, "show", lambda figure, alt: shown.append(alt))
    claims.show_recorded("2c")
    assert capsys.readouterr().out == "No measurement is on record for this part yet.\n"
    (tmp_path / "data").mkdir()
    recorded.keep("2c", FAIR, "A CPU")
    recorded.keep("2c, the original way", ORIGINAL, "A CPU")
    claims.show_recorded("2c")
    assert capsys.readouterr().out == "On record, from A CPU.\n"
    assert "1 of 2 on the other side" in shown[0]
