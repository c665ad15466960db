"""[[timing]] in course.toml: what it says, and what is said where it is not as it should be."""

from __future__ import annotations

import pytest

from autograder import comparisons
from autograder import course as courses
from autograder.comparisons import imported
from autograder.course import TABLE
from autograder.notebook import CourseError
from autograder.stopwatch import reference_cells
from tests.conftest import ROOT

GOOD = {
    "notebook": "q_x",
    "part": "2c",
    "title": "Loop and conv",
    "first": {"name": "loop", "function": "f"},
    "second": {"name": "conv", "function": "g"},
    "inputs": "labkit.inputs:ssm_inputs",
    "oracle": "solutions.reference.ssm:recurrence",
    "rtol": 1e-3,
    "sizes": {"H": [2, 4], "T": [8]},
    "fixed": {"N": 3},
    "needs": ["q2a"],
}


def test_a_table_is_a_comparison_with_its_grid():
    (read,) = comparisons.read([GOOD], ["q_x"])
    assert read.grid() == [{"H": 2, "T": 8}, {"H": 4, "T": 8}]
    assert read.functions == {"loop": "f", "conv": "g"}
    assert (read.device, read.points, read.crossing) == ("cpu", 0, "")
    (read,) = comparisons.read([{k: v for k, v in GOOD.items() if k != "fixed"}], ["q_x"])
    assert read.fixed == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"notebook": "q_y"}, "no notebook is called 'q_y'"),
        ({"colour": "red"}, "'colour' is not a key; known: notebook, part"),
        ({"oracle": None}, "the key 'oracle' is missing"),
        ({"oracle": "ssm.recurrence"}, """'oracle' is to be "module:function\""""),
        ({"rtol": 0}, "'rtol' is to be a number up to"),
        ({"rtol": True}, "'rtol' is to be a number up to"),
        ({"points": -1}, "'points' is to be a number from 0 on"),
        ({"device": "tpu"}, "'device' is to be cpu or cuda"),
        ({"first": {"name": "loop"}}, "'first' is to be { name ="),
        ({"first": {"name": "loop", "function": 3}}, "'first' is to be { name ="),
        ({"first": {"name": "conv", "function": "f"}}, "are to have names that differ"),
        ({}, "q_x has a comparison with the title 'Loop and conv' already"),
        ({"sizes": {"H": [2]}}, "'sizes' is to be two lists of whole numbers above 0"),
        ({"sizes": {"H": [2], "T": [0]}}, "'sizes' is to be two lists of whole numbers above 0"),
        ({"fixed": {"N": "3"}}, "'fixed' is to be whole numbers above 0"),
        ({"needs": "q2a"}, "'needs' is to be a list of texts"),
        ({"title": 3}, "'title' is to be text"),
    ],
)
def test_what_is_wrong_in_a_table_is_said_with_its_place(change, said):
    table = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(ValueError, match=r"^\[\[timing\]\] number 2: ") as told:
        comparisons.read([GOOD, table], ["q_x"])
    assert said in str(told.value)


def test_one_bracket_is_not_enough():
    with pytest.raises(ValueError, match="with two brackets"):
        comparisons.read(["device"], ["q_x"])


def test_the_course_s_file_is_named(tmp_path):
    file = tmp_path / TABLE
    file.parent.mkdir()
    text = (ROOT / TABLE).read_text()
    file.write_text(text.replace('device = "cuda"', 'device = "gpu"', 1))
    with pytest.raises(CourseError, match=rf"{TABLE}: \[\[timing\]\] number 2: 'device'"):
        courses.read_table(tmp_path)


@pytest.fixture(scope="module")
def course():
    return courses.load(ROOT)


def test_the_homework_times_what_it_asks_for(course):
    timed = {(c.part, c.device) for c in course.comparisons}
    assert timed == {("2c", "cpu"), ("2e", "cuda"), ("2f", "cpu"), ("2f", "cuda")}
    assert all(c.points == 0 for c in course.comparisons)


def test_what_is_timed_exists_and_the_reference_is_right(course):
    """The solution's own functions give what the oracle does, for inputs of every comparison."""
    notebooks = {n.name: n for n in course.notebooks}
    for comparison in course.comparisons:
        notebook = notebooks[comparison.notebook]
        assert set(comparison.needs) <= {q.name for q in notebook.questions}
        names: dict = {}
        for cell in reference_cells(notebook):
            exec(cell.source, names)
        assert isinstance(names[comparison.crossing], dict)
        size = {name: values[0] for name, values in comparison.sizes.items()}
        args = imported(comparison.inputs)(**comparison.fixed, **size)
        expected = imported(comparison.oracle)(*args)
        for function in comparison.functions.values():
            error = (names[function](*args) - expected).abs().max()
            assert error <= comparison.rtol * expected.abs().max(), function
