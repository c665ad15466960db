"""The calibration score, its figure, the table of answers, and the log of prompts."""

from __future__ import annotations

import json

import pytest

from labkit import referee
from labkit.checks import Mismatch
from labkit.referee import calibration, log
from labkit.referee.record import recorded
from tests import corpus

SOLVED = corpus.read("q_referee_a_model").submission({})


@pytest.fixture
def displayed(monkeypatch):
    """What is put into the notebook, in place of being shown."""
    shown = []
    for module in (calibration, log, referee.answers):
        if hasattr(module, "table"):
            monkeypatch.setattr(module, "table", lambda header, rows: shown.append((header, rows)))
    monkeypatch.setattr(calibration, "show", lambda figure, alt: shown.append((figure, alt)))
    return shown


def test_the_brier_score_of_a_coin_of_certainty_and_of_its_opposite():
    assert calibration.brier([0.5, 0.5], [True, False]) == 0.25
    assert calibration.brier([1, 0], [True, False]) == 0
    assert calibration.brier([0, 1], [True, False]) == 1


def test_a_claim_counts_as_false_once_its_own_counterexample_refutes_it():
    refuted = referee.collect(SOLVED, 2)
    assert calibration.scores(refuted)[0] == pytest.approx(0.05**2)
    silent = SOLVED | {"counterexample_2": None}
    assert calibration.scores(referee.collect(silent, 2))[0] == pytest.approx(0.95**2)


def test_the_report_is_scored_on_the_claims_that_were_answered():
    thought = {claim.number: claim.probability for claim in recorded()}
    answers = referee.collect(SOLVED, 1, 5)
    expected = ((thought[1] - 1) ** 2 + thought[5] ** 2) / 2
    assert calibration.scores(answers)[1] == pytest.approx(expected)


def test_the_figure_tells_both_scores_in_words(displayed):
    calibration.figure(SOLVED)
    ((figure, alt),) = displayed
    yours, theirs = calibration.scores(referee.collect(SOLVED))
    assert f"Your Brier score is {yours:.2f}, the report's {theirs:.2f}" in alt
    assert "Refuted by your counterexamples: 2, 3, 5, 6, 7, 9, 11, 12, 16, 17." in alt
    (ax,) = figure.axes
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert ax.get_title()


def test_answers_that_are_missing_or_malformed_are_listed_and_the_rest_shown(displayed, capsys):
    names = {**SOLVED, "verdict_1": ..., "confidence_2": 90}
    referee.overview(names, 1, 2, 3)
    ((_, rows),) = displayed
    assert [row[0] for row in rows] == [3]
    assert "Still to come, or not well formed: 1, 2." in capsys.readouterr().out


@pytest.mark.parametrize("see", [calibration.figure, lambda names: referee.overview(names, 1)])
def test_where_nothing_is_answered_that_is_said(see):
    with pytest.raises(Mismatch, match="no claim is answered in full yet"):
        see({"verdict_1": ...})


def test_trying_values_on_says_what_comes_out_or_what_is_wrong(capsys):
    referee.try_on(2, {"A": [[2]], "L": 2})
    referee.try_on(2, {"A": [[2]], "L": 3})
    referee.try_on(2, {"A": [[2]]})
    holds, fails, wrong = capsys.readouterr().out.splitlines()
    assert holds.startswith("Claim 2 holds on this: ")
    assert fails == "Claim 2 FAILS on this: prefix number 2 is [[8]], and A^2 is [[4]]."
    assert wrong == 'Claim 2: its counterexample has no "L": write {"A": ..., "L": ...}.'


# ---- the log

ENTRY = log.Entry("some model 1", "4f", "Compute *this*", "It is | <b>3</b>\nor so", "wrong", 5)


def test_what_is_logged_comes_back(tmp_path):
    file = tmp_path / "log.jsonl"
    assert log.entries(file) == []
    log.keep(ENTRY, file)
    log.keep(ENTRY, file)
    assert log.entries(file) == [ENTRY, ENTRY]


def test_the_table_of_the_log_holds_text_and_no_markup(tmp_path, displayed):
    file = tmp_path / "log.jsonl"
    log.keep(ENTRY, file)
    log.overview(file)
    ((_, (row,)),) = displayed
    cells = " ".join(map(str, row))
    assert not set("<>|*\n`[") & set(cells)
    assert "&lt;b&gt;3&lt;/b&gt; or so" in cells


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": " "}, "fill in the model"),
        ({"response": ""}, "fill in the response"),
        ({"verdict": "good"}, "the verdict is one of"),
        ({"readability": 6}, "readability is a whole number from 1"),
        ({"readability": True}, "readability is a whole number from 1"),
    ],
)
def test_an_entry_that_is_incomplete_is_told(change, said):
    with pytest.raises(ValueError, match=said):
        log.Entry(**(vars(ENTRY) | change))


def test_a_damaged_log_names_the_line(tmp_path):
    file = tmp_path / "log.jsonl"
    log.keep(ENTRY, file)
    file.write_text(file.read_text("utf-8") + json.dumps({"model": "x"}) + "\n", "utf-8")
    with pytest.raises(ValueError, match="line 2 is no entry"):
        log.entries(file)


def test_the_form_s_button_keeps_an_entry_or_says_what_is_missing(tmp_path):
    file = tmp_path / "log.jsonl"
    box = log.form(file)
    *fields, last = box.children
    button, said = last.children
    button.click()
    assert said.value == "Not kept: fill in the model."
    assert not file.exists()
    for field, value in zip(fields, vars(ENTRY).values(), strict=True):
        field.value = value
    button.click()
    assert said.value == "Kept. Entries in log.jsonl: 1."
    assert log.entries(file) == [ENTRY]
