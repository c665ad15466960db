"""The hidden checks of the GPU notebook against right and wrong implementations.

A right implementation earns every check (the cost apart, as its label says), a wrong one loses
those it is listed with and no others, and no check changes its mind with the seed. Three of the
functions are those of the CPU notebook: what is known to be right or wrong there is held to the
checks here as well.
"""

import functools
from pathlib import Path

import nbformat
import pytest
import torch

from autograder import course, masters
from autograder.course import Limits
from autograder.intake import Cell, read_one
from autograder.sealed_tests import SealedTestFile
from autograder.session import Session
from labkit import costs
from tests.corpus import ROOT, SEEDS, name_of, one_thread, read, sentence, sentences
from tests.submissions.right import ssm_diagonal, ssm_forward

CPU, GPU = "q_coding_ssm_forward_cpu", "q_coding_ssm_forward_gpu"
WORK = "q2f: the work of the {} grows like H"
DOUBLE = "q2d: each in double precision, inputs left alone"
RECURRENCE = ("q2d: the recurrence at any length, inputs left alone", DOUBLE)
KERNEL = ("q2d: the kernel at any length", DOUBLE)
CONVOLUTION = ("q2d: the convolution at any length, inputs left alone", DOUBLE)
COPIES = {  # checks of the CPU notebook, and what stands for them here
    "q2a: the first step": RECURRENCE,
    "q2a: right at any length": RECURRENCE,
    "q2a: long memory, inputs left alone": RECURRENCE,
    "q2b: the kernel at powers of two": KERNEL,
    "q2b: the kernel at any length": KERNEL,
    "q2b: the convolution at powers of two": CONVOLUTION,
    "q2b: the convolution at any length, inputs left alone": CONVOLUTION,
}
# Wrong kernels which make of the right convolution what a mistake there does too: its sentence says
# that W is transposed, that one entry serves all units, that an input is changed.
THROUGH_THE_CONVOLUTION = (
    "kernel_transposed",
    "kernel_of_one_entry",
    "W_squared_in_place",
    "diagonal_squared_in_place",
)
WITHOUT_DTYPE = ("Loops", "InNumPy", "OtherLayout")  # of the CPU notebook's: right in float32
COURSE = course.load(ROOT)
MASTER = masters.read(ROOT / "solutions" / f"{GPU}.py")
CORPUS = read(GPU, COPIES)
SHARED = ("unrolled_ssm_forward", "make_conv_kernel", "conv_ssm_forward")
DIAGONAL = ("make_diag_depthwise_kernel", "diag_conv_ssm_forward", "diag_unrolled_ssm_forward")


@pytest.fixture(autouse=True, scope="module")
def quick():
    with one_thread():
        yield


@pytest.fixture(autouse=True)
def clock_sees_growth(monkeypatch):
    """The clock beside the count always agrees with it, so that counts alone decide."""
    monkeypatch.setattr(costs, "_clocked", lambda *_: [1.0, 8.0])


def functions_of(submission):
    return {name: f for name, f in vars(submission).items() if callable(f)}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("right", ssm_diagonal.SUBMISSIONS, ids=lambda right: right.__name__)
def test_a_right_implementation_earns_every_check_but_that_of_a_cost_it_has(right, seed):
    functions = functions_of(right)
    assert set(functions) == CORPUS.functions
    errors = CORPUS.lost(CORPUS.submission(functions), seed)
    assert set(errors) == {WORK.format(form) for form in right.full_products}, errors
    for message in map(str, errors.values()):
        assert "its work grows from" in message
        assert "Is there still a product by all of W?" in message


@pytest.mark.parametrize("seed", SEEDS)
def test_the_forms_for_a_full_w_lose_the_points_for_work_and_no_others(seed):
    def diag_conv_ssm_forward(W, U, b, x):
        return conv_ssm_forward(W, U, b, x)  # noqa: F821  the submission has it

    def diag_unrolled_ssm_forward(W, U, b, x):
        return unrolled_ssm_forward(W, U, b, x)  # noqa: F821  the submission has it

    functions = {f.__name__: f for f in (diag_conv_ssm_forward, diag_unrolled_ssm_forward)}
    errors = CORPUS.lost(CORPUS.submission(functions), seed)
    assert set(errors) == {WORK.format("convolution"), WORK.format("recurrence")}


@pytest.mark.parametrize("right", ssm_forward.SUBMISSIONS, ids=lambda right: right.__name__)
def test_what_is_right_on_the_cpu_loses_double_precision_at_most(right):
    errors = CORPUS.lost(CORPUS.submission(functions_of(right)), "first", ["q2d"])
    assert set(errors) == ({DOUBLE} if right.__name__ in WITHOUT_DTYPE else set()), errors


@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=name_of)
def test_a_mistake_loses_the_checks_it_is_listed_with_and_keeps_the_rest(wrong):
    questions = {check.split(":")[0] for check in wrong.fails}  # whose functions alone call it
    for seed in SEEDS:
        errors = CORPUS.lost(CORPUS.submission({wrong.function: wrong.run}), seed, questions)
        assert set(errors) == set(wrong.fails), f"with the seed {seed!r}: {errors}"


@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=name_of)
def test_a_mistake_is_told_by_its_own_sentence_and_by_no_other(wrong):
    told = set(CORPUS.told(wrong, "told").values())
    assert sentence(wrong) in told
    assert wrong.name in THROUGH_THE_CONVOLUTION or told <= sentences(wrong)


def on_the_cpu(function):
    """The solution's own, which computes where the default device is."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        with torch.device("cpu"):
            return function(*args, **kwargs)

    return call


def test_hidden_tests_compute_on_the_cpu_whatever_the_default_device_is(monkeypatch):
    """As in the solved notebook, run where a GPU is the default. Tensors of "meta" have no content:
    whatever meets one fails."""
    monkeypatch.setattr("autograder.once._store", None)
    names = {n: on_the_cpu(of) if callable(of) else of for n, of in CORPUS.submission({}).items()}
    with torch.device("meta"):
        assert CORPUS.lost(names, "a seed") == {}


# ---- With a GPU

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU; there is none here")


def there(functions, default):
    """The functions, called with tensors on the GPU, where a default device is set too or not.
    As a sandbox does it: what comes back is on the CPU, and arguments that changed have changed."""

    def moved(function):
        def call(*args):
            given = [a.cuda() if isinstance(a, torch.Tensor) else a for a in args]
            with torch.device("cuda" if default else "cpu"):
                value = function(*given)
            for before, after in zip(args, given, strict=True):
                if isinstance(before, torch.Tensor) and not torch.equal(before, after.cpu()):
                    before.data = after.cpu()
            return value.cpu() if isinstance(value, torch.Tensor) else value

        return call

    return {n: moved(f) if n in CORPUS.functions else f for n, f in functions.items()}


@on_gpu
@pytest.mark.gpu
@pytest.mark.parametrize("right", ssm_diagonal.SUBMISSIONS, ids=lambda right: right.__name__)
def test_on_a_gpu_a_right_implementation_earns_what_it_earns_on_the_cpu(right):
    names = there(CORPUS.submission(functions_of(right)), default=False)
    errors = CORPUS.lost(names, "on a GPU")
    assert set(errors) == {WORK.format(form) for form in right.full_products}, errors


@on_gpu
@pytest.mark.gpu
@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=name_of)
def test_on_a_gpu_a_mistake_loses_what_it_loses_on_the_cpu(wrong):
    questions = {check.split(":")[0] for check in wrong.fails}
    names = there(CORPUS.submission({wrong.function: wrong.run}), default=True)
    errors = CORPUS.lost(names, "on a GPU", questions)
    assert set(errors) == set(wrong.fails), errors


def test_each_function_has_right_and_wrong_implementations_enough():
    assert set(SHARED + DIAGONAL) == CORPUS.functions
    assert len(ssm_diagonal.SUBMISSIONS) >= 4
    for function in CORPUS.functions:
        assert sum(wrong.function == function for wrong in CORPUS.mistakes) >= 8, function


def test_every_mistake_of_the_cpu_notebooks_functions_is_held_to_the_checks_here():
    there = {wrong.name for wrong in read(CPU).mistakes if wrong.function in SHARED}
    assert there <= {wrong.name for wrong in CORPUS.mistakes}


def test_an_untouched_notebook_loses_every_check():
    def unanswered(*args):
        return None

    names = dict.fromkeys(CORPUS.functions, unanswered)
    assert set(CORPUS.lost(names, "first")) == set(CORPUS.checks)


def test_the_notebook_gives_eleven_points_for_code_and_four_for_words():
    (notebook,) = [n for n in COURSE.notebooks if n.name == GPU]
    points = {question.part: question.points for question in notebook.questions}
    assert points == {"2d": 4, "2e Q6": 2, "2f": 7, "2f Q7": 2, "2 fast": 0}
    assert notebook.possible == 11


def test_no_cell_makes_cuda_the_default_or_asks_for_it_unconditionally():
    code = [cell.source for cell in MASTER.cells if cell.node.cell_type == "code"]
    asking = [line for source in code for line in source.split("\n") if '"cuda"' in line]
    assert all(" if " in line for line in asking), asking
    assert not any("set_default_device" in source for source in code)


def stubs(*names):
    return "\n\n".join(f"def {name}(*args):\n    return args[-1]" for name in names)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (SHARED, CPU),
        *(((*SHARED, name), GPU) for name in DIAGONAL),
        (SHARED + DIAGONAL, GPU),
        (DIAGONAL, GPU),
    ],
)
@pytest.mark.parametrize("kind", ["py", "ipynb"])
def test_a_nameless_file_is_the_cpu_notebook_unless_a_diagonal_function_is_there(
    names, expected, kind, tmp_path: Path
):
    file = tmp_path / f"homework (2).{kind}"
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(stubs(*names))])
    file.write_text(stubs(*names) if kind == "py" else nbformat.writes(made))
    submission = read_one([file], COURSE, name="somebody")
    assert list(submission.notebooks) == [expected]


@pytest.mark.parametrize("cuda", ["'cuda'", "torch.device('cuda:0')"])
def test_cuda_as_the_default_device_costs_no_point_where_there_is_none(cuda, pool):
    first = f"import torch\nimport torch.nn.functional as F\ntorch.set_default_device({cuda})"
    cells = [Cell(1, "code", first), Cell(2, "code", "\n\n".join(CORPUS.solution))]
    (notebook,) = [n for n in COURSE.notebooks if n.name == GPU]
    with Session(pool, cells, Limits(memory_bytes=1 << 30)) as session:
        assert session.problems == ()
        for question, file in notebook.test_files.items():
            names = session.names()
            tests = SealedTestFile.from_string(file, question)
            for hidden in (False, True):
                tests.run_sealed(names, ("seed", GPU, question), hidden)
            assert [o.message for o in tests.outcomes.values() if o.message] == []
            assert tests.score == tests.possible
