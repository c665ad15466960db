"""Written answers: found wherever they stand, shown to readers without names, scored, and kept."""

from __future__ import annotations

import base64
import copy
import csv
import io
import json
import re
import struct
import time
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from autograder import cli, intake, reports
from autograder import course as courses
from autograder.fleet import grade_class
from autograder.intake import Submission
from autograder.overrides import OverridesError
from autograder.problems import problem_text
from autograder.reports import cells
from autograder.results import NOT_HANDED_IN, NotebookResult, Result
from autograder.written import pages, pdf, scores, writing
from autograder.written.answers import answer_cells, written_questions
from tests import accessibility
from tests.test_markdown import INJECTIONS, Elements

ROOT = Path(__file__).resolve().parent.parent
CPU = "q_coding_ssm_forward_cpu"
Q1 = f"{CPU} 2c Q1"
NAMES = ["q2c_1", "q2c_2", "q2c_3", "q2c_4", "q2c_5"]


@pytest.fixture(scope="module")
def course() -> courses.Course:
    return courses.load(ROOT)


@pytest.fixture(scope="module")
def released() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / "notebooks" / f"{CPU}.ipynb").read_text("utf-8"))
    return content


def png(width: int = 2, height: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))  # fmt: skip


def filled(released: dict[str, Any], answers: dict[str, str]) -> dict[str, Any]:
    """The released notebook with answers in the cells that are there for them."""
    notebook = copy.deepcopy(released)
    for cell in notebook["cells"]:
        question = cell["id"].rpartition("-")[0]
        answerable = "otter_answer_cell" in cell["metadata"].get("tags", [])
        if question in answers and answerable and cell["cell_type"] == "markdown":
            cell["source"] = answers[question]
    return notebook


def hand_in(folder: Path, course: courses.Course, **files: object) -> list[Submission]:
    """Files as submissions: notebooks as dictionaries, texts and bytes as they are."""
    for name, content in files.items():
        data = json.dumps(content) if isinstance(content, dict) else content
        path = folder / (name if "." in name else f"{name}.ipynb")
        path.write_bytes(data if isinstance(data, bytes) else str(data).encode())
    return intake.read([folder], course).submissions


def found(submission: Submission, course: courses.Course) -> dict[str, list[str]]:
    """By question the sources of the cells that answer it, without what is not answered."""
    notebook = next(n for n in course.notebooks if n.name == CPU)
    answers = answer_cells(submission.notebooks[CPU].cells, notebook)
    return {name: [cell.source for cell in them] for name, them in answers.items() if them}


# --- finding them --------------------------------------------------------------------------------


def test_an_untouched_notebook_answers_nothing(tmp_path, course, released):
    [one] = hand_in(tmp_path, course, ada=released)
    assert found(one, course) == {}


def test_every_answer_is_found_where_it_was_written_and_nothing_else(tmp_path, course, released):
    answers = {name: f"My answer to {name}:\n\n$x_{i}$ and more" for i, name in enumerate(NAMES)}
    notebook = filled(released, answers)
    for cell in notebook["cells"]:
        if cell["id"] == "q2c_4-2":
            cell["source"] = "my_crossing = {2: 16, 4: None}"
    [one] = hand_in(tmp_path, course, ada=notebook)
    wanted = {name: [text] for name, text in answers.items()}
    wanted["q2c_4"] = ["my_crossing = {2: 16, 4: None}", answers["q2c_4"]]
    assert found(one, course) == wanted


def test_other_ids_added_cells_and_text_in_the_question_s_own_cell_change_nothing(
    tmp_path, course, released
):
    notebook = filled(
        released, {"q2c_1": "_Type your answer here, replacing this text._ Rounding."}
    )
    written = notebook["cells"]
    at = next(i for i, c in enumerate(written) if c["id"] == "q2c_2-1")
    written[at]["source"] += "\n\nHere I answered in the wrong cell."
    written.insert(at, {"cell_type": "markdown", "metadata": {}, "id": "x", "source": "Added."})
    written.insert(at + 1, {"cell_type": "code", "metadata": {}, "id": "y", "source": "1 + 1",
                            "outputs": [], "execution_count": None})  # fmt: skip
    written.append({"cell_type": "markdown", "metadata": {}, "id": "z", "source": "Thank you!"})
    for number, cell in enumerate(written):
        cell["id"] = f"colab{number}"
    [one] = hand_in(tmp_path, course, ada=notebook)
    assert found(one, course) == {
        "q2c_1": ["_Type your answer here, replacing this text._ Rounding.", "Added.", "1 + 1"],
        "q2c_2": ["Here I answered in the wrong cell."],
    }


def test_answers_in_a_markdown_file_are_found_under_their_questions(tmp_path, course, released):
    import nbformat

    text = problem_text(nbformat.reads(json.dumps(released), 4))
    wanted = {}
    for name in NAMES:
        notebook = next(n for n in course.notebooks if n.name == CPU)
        given = [g for g in notebook.given if g.question == name and g.kind == "markdown"]
        last = re.sub("<!-- .*? -->", "", given[-2].source).strip()  # before the cell to write in
        assert last in text
        wanted[name] = [f"In my words, {name}.\n\n- one\n- two"]
        text = text.replace(last, f"{last}\n\n{wanted[name][0]}")
    [one] = hand_in(tmp_path, course, **{f"{CPU}.md": text})
    got = found(one, course)
    assert {name: got.get(name) for name in NAMES if name != "q2c_4"} == {
        name: text for name, text in wanted.items() if name != "q2c_4"
    }
    assert wanted["q2c_4"][0] in got["q2c_4"]


NEARLY = {
    "a heading with a gap": lambda n: f"# a{' ' * n}b",
    "a heading of blanks": lambda n: f"#{' ' * n}",
    "headings of one letter": lambda n: "# a\n" * (n // 4),
    "a paragraph that does not end": lambda n: f"a\n{' ' * n}b",
    "marks that do not end": lambda n: "<!-- BEGIN " * (n // 10),
}


@pytest.mark.parametrize("shape", NEARLY)
def test_an_answer_of_four_times_the_length_takes_about_four_times_as_long_to_find(course, shape):
    notebook = next(n for n in course.notebooks if n.name == CPU)

    def seconds(length: int) -> float:
        cell = intake.Cell(1, "markdown", NEARLY[shape](length))
        began = time.process_time()
        answer_cells([cell], notebook)
        return time.process_time() - began

    short, long = (min(seconds(n) for _ in range(3)) for n in (10_000, 40_000))
    assert long < 8 * max(short, 0.005)


def test_pasted_attached_and_neighbouring_pictures_are_kept(tmp_path, course, released):
    picture = base64.b64encode(png()).decode()
    notebook = filled(released, {
        "q2c_1": "![a](attachment:image.png) ![gone](attachment:other.png)",
        "q2c_2": f"![b](data:image/png;base64,{picture}) and text after it",
        "q2c_3": "![c](figures/plot.png) ![d](page.html) ![e](vector.svg)",
    })  # fmt: skip
    for cell in notebook["cells"]:
        if cell["source"] == "![a](attachment:image.png) ![gone](attachment:other.png)":
            cell["attachments"] = {"image.png": {"image/png": picture},
                                   "other.png": {"image/png": "PHN2Zz4="}}  # fmt: skip
    folder = tmp_path / "class" / "ada"
    (folder / "figures").mkdir(parents=True)
    (folder / "figures" / "plot.png").write_bytes(png(3, 3))
    (folder / "page.html").write_text("<script>alert(1)</script>")
    (folder / "vector.svg").write_text("<svg onload='alert(1)'/>")
    (folder / f"{CPU}.ipynb").write_text(json.dumps(notebook))
    [one] = intake.read([folder.parent], course).submissions
    html = pages.document(one, course)
    sources = [attrs["src"] for tag, attrs in Elements(html).found if tag == "img"]
    other = base64.b64encode(png(3, 3)).decode()
    assert sources == [f"data:image/png;base64,{data}" for data in (picture, picture, other)]
    for name in ("attachment:other.png", "page.html", "vector.svg"):
        assert f"not shown: {name}" in html
    assert "and text after it" in html


def test_a_large_pasted_picture_cuts_no_answer_after_it(tmp_path, course, released):
    big = base64.b64encode(png() + bytes(3 << 20)).decode()
    answers = {"q2c_1": f"![x](data:image/png;base64,{big})", "q2c_5": "And after it, this."}
    [one] = hand_in(tmp_path, course, ada=filled(released, answers))
    assert found(one, course)["q2c_5"] == ["And after it, this."]
    assert big in pages.document(one, course)


# --- pages ---------------------------------------------------------------------------------------


@pytest.fixture
def handed_in(tmp_path, course, released) -> list[Submission]:
    people = ["Ada Lovelace", "Bo", "=1+1", "<img src=x onerror=alert(1)>", "Eve", "Fay", "Gus"]
    files = {f"{p}.ipynb".replace("/", "_"): filled(released, {
        "q2c_1": f"Answer {i} to the first.", "q2c_2": f"Answer {i} to the second."
    }) for i, p in enumerate(people)}  # fmt: skip
    files["nobody.ipynb"] = released
    (tmp_path / "class").mkdir()
    return hand_in(tmp_path / "class", course, **files)


def question_page(number: int, course: courses.Course, submissions: list[Submission]) -> str:
    names = {n: a for a, n in scores.aliases(course, [s.id for s in submissions]).items()}
    [this] = [a for a in pages.asked(course) if a.label == f"{CPU} 2c Q{number}"]
    return pages.question_page(this, course, submissions, names)[0]


def test_a_question_s_page_has_all_answers_no_names_and_the_rubric(course, handed_in):
    html = question_page(1, course, handed_in)
    for number in range(7):
        assert f"Answer {number} to the first." in html
    for submission in handed_in:
        assert submission.id not in html
        assert "Lovelace" not in html
    assert "0.5 for the size, relative to the states" in html
    assert "How large is the" in html
    assert "1 person wrote nothing" in " ".join(html.split())


def test_answers_stand_in_another_order_for_each_question_and_in_the_same_every_time(
    course, handed_in
):
    first, again, second = (question_page(n, course, handed_in) for n in (1, 1, 2))
    orders = [re.findall(r"Answer (\d) to", page) for page in (first, again, second)]
    assert orders[0] == orders[1]
    assert len({*map(tuple, orders), tuple(sorted(orders[0]))}) == 3


def test_a_document_has_a_sheet_a_question_and_no_rubric(course, handed_in):
    html = pages.document(handed_in[0], course)
    questions = written_questions(course)
    assert html.count('<section class="sheet"') == len(questions) >= 16
    assert "Rubric" not in html
    for _, question in questions:
        lines = [line for line in question.rubric.splitlines() if len(line) > 40]
        assert lines, f"{question.name} has no rubric"
        assert not [line for line in lines if line in html]


@pytest.mark.parametrize("evil", INJECTIONS)
def test_nothing_of_a_submission_runs_in_any_written_page(tmp_path, course, released, evil):
    name = re.sub(r"[/\0\ud800-\udfff\n\t]", "_", evil)[:100]
    answers = {"q2c_1": evil, "q2c_2": f"text\n\n{evil}"}
    for one in hand_in(tmp_path, course, **{f"{name}.ipynb": filled(released, answers)}):
        for html in (pages.document(one, course), question_page(1, course, [one])):
            page = Elements(html)
            assert not page.tags & {"script", "iframe", "object", "embed", "form", "base", "link"}
            assert not [a for _, attrs in page.found for a in attrs if a.startswith("on")]
            assert not [attrs for tag, attrs in page.found if tag == "img"
                        and not str(attrs.get("src", "")).startswith("data:image/")]  # fmt: skip
            links = {str(attrs["href"]) for tag, attrs in page.found if tag == "a"}
            assert all(re.fullmatch(r"[\w-]+\.html", link) for link in links)
            policy = next(attrs["content"] for tag, attrs in page.found
                          if attrs.get("http-equiv") == "Content-Security-Policy")  # fmt: skip
            assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


def test_a_real_browser_runs_and_loads_nothing_of_it_even_without_the_page_s_policy(
    tmp_path, course, released
):
    path = pdf.browser()
    if path is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    evil = {f"q2c_{n}": "\n\n".join(INJECTIONS[n::4]) for n in range(1, 5)}
    [one] = hand_in(
        tmp_path, course, **{"<img src=x onerror=alert(1)>.ipynb": filled(released, evil)}
    )
    html = [pages.document(one, course), *(question_page(n, course, [one]) for n in range(1, 5))]
    happened: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, chromium_sandbox=False)
        page = browser.new_page()
        page.on("dialog", lambda dialog: (happened.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: happened.append(request.url))
        page.on("framenavigated", lambda frame: happened.append(frame.url))
        for each in html:
            bare = re.sub("<meta http-equiv=.Content-Security-Policy.*?>", "", each)
            assert bare != each
            page.set_content(bare, timeout=60_000)
            page.evaluate("document.querySelectorAll('*').forEach(e => { e.focus?.(); })")
        seen = [url for url in happened if not url.startswith(("data:image/", "about:blank"))]
        assert seen == []
        with page.expect_event("dialog", timeout=60_000):
            page.set_content("<img src='http://127.0.0.1:9/x' onerror='alert(1)'>", timeout=60_000)
        assert "1" in happened, "this test would not see a script that runs"
        assert "http://127.0.0.1:9/x" in happened, "this test would not see what is loaded"
        browser.close()


def test_what_an_answer_makes_of_its_text_and_pictures_has_an_end(tmp_path, course, released):
    """Pages of it, too, and each says what is left out."""
    picture = base64.b64encode(png() + bytes(300_000)).decode()
    answers = {
        "q2c_1": "![](attachment:a)" * 1700,
        "q2c_2": "![](attachment:gone)" * 1400,
        "q2c_3": "$x_1$ " * 4900,
        "q2c_5": "It still says this.",
    }
    notebook = filled(released, answers)
    for cell in notebook["cells"]:
        if "attachment:a)" in cell["source"]:
            cell["attachments"] = {"a": {"image/png": picture}}
    at = next(i for i, c in enumerate(notebook["cells"]) if c["source"] == answers["q2c_3"])
    notebook["cells"][at:at] = [notebook["cells"][at]] * 60
    [one] = hand_in(tmp_path, course, ada=notebook)
    html = pages.document(one, course)
    assert 20 <= html.count(picture) <= 30
    assert len(html) < 25_000_000
    assert html.count("<math") <= 25_000
    assert "Not shown: this page is long enough" in html
    assert "It still says this." in html
    assert len(question_page(1, course, [one])) < 13_000_000


def test_a_question_s_page_has_an_end_and_still_has_everybody_s_words(
    tmp_path, course, released, monkeypatch
):
    monkeypatch.setattr(pages, "_IN_A_PAGE", 100_000)
    picture = base64.b64encode(png() + bytes(10_000)).decode()
    text = f"![x](data:image/png;base64,{picture}) and my words"
    people = {f"p{i}": filled(released, {"q2c_1": text}) for i in range(12)}
    html = question_page(1, course, hand_in(tmp_path, course, **people))
    assert html.count("and my words") == 12
    assert html.count(picture) == 7
    assert html.count("picture not handed in, too large") == 5


def test_an_answer_that_cannot_be_laid_out_costs_no_other(course, handed_in, monkeypatch):
    made = cells.render

    def render(source, *more):
        if "Answer 3" in source:
            raise RecursionError(source)
        return made(source, *more)

    monkeypatch.setattr(cells, "render", render)
    html = question_page(1, course, handed_in)
    assert "This answer cannot be laid out (RecursionError)" in html
    assert len(re.findall(r"Answer \d to the first", html)) == 6
    documents = [pages.document(one, course) for one in handed_in]
    assert sum("cannot be laid out" in html for html in documents) == 1


def test_a_document_that_a_browser_cannot_print_is_left_as_html(
    course, handed_in, monkeypatch, tmp_path
):
    @contextmanager
    def printer(path):
        def one(html):
            if "Answer 3" in html:
                raise TimeoutError
            return pdf.Printed(b"%PDF", 0)

        yield one

    monkeypatch.setattr(pdf, "browser", lambda: "chromium")
    monkeypatch.setattr(pdf, "printer", printer)
    said: list[str] = []
    writing.write_all(course, handed_in, tmp_path / "out", said.append)
    made = list((tmp_path / "out" / "written" / "documents").iterdir())
    assert len(made) == len(handed_in)
    [left] = [path for path in made if path.suffix == ".html"]
    assert "Answer 3" in left.read_text("utf-8")
    assert any("no PDF, but HTML (TimeoutError" in line for line in said)


def test_a_pdf_has_the_same_pages_however_long_the_answers_are(tmp_path, course, released):
    browser = pdf.browser()
    if browser is None:
        pytest.skip("no Chromium on this machine: documents are HTML here")
    long = "\n\n".join(
        f"Paragraph {i}. " + "It waits for the step before. " * 30 for i in range(30)
    )
    wide = "| a |\n|---|\n| " + "x" * 3000 + " |\n\n$$" + "a + " * 120 + "b$$"
    answers = {"q2c_1": long, "q2c_2": wide, "q2c_3": "<br>" * 150 + "the end"}
    submissions = hand_in(tmp_path, course, ada=filled(released, answers), bo=released)
    with pdf.printer(browser) as printed:
        made = [printed(pages.document(s, course)) for s in submissions]
    for pdf_bytes, cut in made:
        assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf_bytes)) == len(
            written_questions(course)
        )
        assert cut == 0


# --- scores --------------------------------------------------------------------------------------

NOTEBOOKS = {"ada": [CPU], "bo": [CPU]}


def read(out: Path, course: courses.Course, *rows: str, file: str = "written.csv") -> scores.Scores:
    (out / file).write_text("\n".join(["submission,question,score,comment", *rows]) + "\n", "utf-8")
    return scores.read(out, course, NOTEBOOKS)


BROKEN = {
    f"adda,{Q1},1,": "line 2: no submission is called 'adda'; is 'ada' meant?",
    f"ada,{CPU} 2c Q9,1,": f"no written question is called '{CPU} 2c Q9'; is '{CPU} 2c Q",
    f"ada,{Q1},1.5,": "line 2: 1.5 points, and 2c Q1 gives 1 at most",
    f"ada,{Q1},-1,": "the score '-1' is to be 0 or more",
    f"ada,{Q1},nan,": "the score 'nan' is to be 0 or more",
    f"ada,{Q1},good,": "the score 'good' is no number",
    f"ada,{Q1},,well done": "a comment without a score: give one, 0 if need be",
    f"ada,{Q1},1,\nada,{Q1},0.5,": "line 3: this answer has a score already, in",
    f'ada,{Q1},0,5,"ok"': "line 2: it has 5 cells, and the first row 4",
    f"bo,{Q1},1,\nada,{Q1},0,5,": "line 3: it has 5 cells, and the first row 4",
    "ada,q_purification 3b Q1,1,": "ada did not hand in q_purification",
    f"ada,{CPU} 2a,1,": f"no written question is called '{CPU} 2a'",
}


@pytest.mark.parametrize("row", BROKEN)
def test_a_score_that_cannot_be_used_is_named_with_its_line(tmp_path, course, row):
    with pytest.raises(OverridesError, match=re.escape(BROKEN[row])):
        read(tmp_path, course, row)


def test_written_questions_of_a_notebook_that_was_not_handed_in_count_nothing_of_their_points(
    course,
):
    def graded(name: str, problem: str) -> Result:
        notebook = NotebookResult(CPU, "", 0.0, 14.0, "ok", problem=problem)
        return Result(name, 0.0, 14.0, "ok", (notebook,))

    one = scores.Given(0.5, "", "here")
    decided = scores.Scores(course, {("ada", Q1): one})
    for result, score, possible in (
        (graded("ada", ""), 0.5, 15.0),
        (graded("ben", NOT_HANDED_IN), 0.0, 15.0),
        (graded("cai", ""), 0.0, 14.0),  # not read yet
    ):
        counts = decided.apply(result)
        assert (counts.score, counts.possible) == (score, possible), result.submission
    nothing = scores.Scores(course).apply(graded("ben", NOT_HANDED_IN))
    assert nothing.possible == 14


def test_every_mistake_is_told_at_once_and_another_file_is_read_too(tmp_path, course):
    (tmp_path / "written-2.csv").write_text(f"submission,question,score\nbo,{Q1},9\n")
    (tmp_path / "written-3.csv").write_text("name,score\n")
    with pytest.raises(scores.WrittenError) as told:
        read(tmp_path, course, f"x,{Q1},1,", f"ada,{Q1},2,")
    lines = str(told.value).splitlines()
    assert len(lines) == 4
    assert "written-3.csv: its first row is to name the column 'submission'" in str(told.value)


def test_two_readers_files_are_put_together_and_cannot_contradict_each_other(tmp_path, course):
    other = f'submission;question;score;comment\nbo;{Q1};0,5;"half; of it"\n'
    (tmp_path / "written-bo.csv").write_text(other, "utf-8-sig")
    given = read(tmp_path, course, f"ada,{Q1},1,", "bo,,,").given
    assert {key: (g.score, g.comment) for key, g in given.items()} == {
        ("ada", Q1): (1.0, ""), ("bo", Q1): (0.5, "half; of it"),
    }  # fmt: skip
    (tmp_path / "written-bo.csv").write_text(other.replace("bo;", "ADA;"), "utf-8-sig")
    with pytest.raises(scores.WrittenError, match="has a score already, in"):
        scores.read(tmp_path, course, NOTEBOOKS)


def test_the_file_to_fill_in_has_a_row_an_answer_and_keeps_what_was_filled_in(course):
    handed_in = {"ada": [CPU], "bo": ["q_purification"]}
    text = scores.blank(course, handed_in)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 5 + 3
    names = scores.aliases(course, handed_in)
    assert {names[row["submission"]] for row in rows} == {"ada", "bo"}
    assert "ada" not in text
    begun = text.replace(",,\n", ',0,"so, so"\n', 1)
    assert scores.blank(course, handed_in, begun) == begun
    more = scores.blank(course, {**handed_in, "cy": [CPU]}, begun)
    assert more.startswith(begun)
    assert len(more.splitlines()) == len(begun.splitlines()) + 5


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_file_to_fill_in_keeps_the_semicolons_that_a_spreadsheet_put_there(course, mark):
    handed_in = {"ada": [CPU], "bo": ["q_purification"]}
    rows = list(csv.reader(io.StringIO(scores.blank(course, handed_in))))
    rows[1][2:] = ["0,5", "so; so"]
    saved = io.StringIO()
    csv.writer(saved, delimiter=";", lineterminator="\n").writerows(rows)
    begun = mark + saved.getvalue()
    assert scores.blank(course, handed_in, begun) == begun
    more = scores.blank(course, {**handed_in, "cy": [CPU]}, begun)
    assert more.startswith(begun)
    added = more[len(begun) :].splitlines()
    assert len(added) == 5
    assert all(re.fullmatch(r"[B-Z]{7};[^;,]+;;", row) for row in added)


def test_a_file_in_another_encoding_is_one_clear_line_and_stays(course, tmp_path):
    table = tmp_path / "written.csv"
    table.write_bytes(f"submission,question,score,comment\nada,{Q1},1,très\n".encode("cp1252"))
    before = table.read_bytes()
    with pytest.raises(scores.WrittenError, match=r"written\.csv: .*save it as CSV in UTF-8"):
        writing.write_all(course, [], tmp_path, print)
    assert table.read_bytes() == before


@pytest.mark.parametrize(
    "saved",
    [lambda text: text.replace(",", ";"),
     lambda text: "\ufeff" + text.replace(",", ";"),
     lambda text: "".join(f"{q},{s},,\n" for s, q, *_ in csv.reader(io.StringIO(text)))
                  .replace("question,submission,,", "Question,Submission,Comment,Score")],
    ids=["semicolons", "semicolons and a mark", "columns in another order"],
)  # fmt: skip
def test_the_file_to_fill_in_stays_as_a_spreadsheet_has_saved_it(tmp_path, course, saved):
    begun = saved(scores.blank(course, NOTEBOOKS))
    assert scores.blank(course, NOTEBOOKS, begun) == begun, "rows that are there were added again"
    more = scores.blank(course, {**NOTEBOOKS, "cy": [CPU]}, begun)
    (tmp_path / "written.csv").write_text(more, "utf-8")
    table = csv.reader(io.StringIO(more), delimiter=";" if ";" in begun else ",")
    head = [name.lower().strip("\ufeff") for name in next(table)]
    rows = [dict(zip(head, row, strict=True)) for row in table]
    aliases = scores.aliases(course, ["ada", "bo", "cy"])
    assert [aliases[row["submission"]] for row in rows].count("cy") == 5, "added in other columns"
    scores.read(tmp_path, course, NOTEBOOKS)


@pytest.mark.parametrize(
    ("content", "told"),
    [("submission,question,score,comment\nada,x,1,d\u00e9j\u00e0 vu\n".encode("cp1252"),
      "written.csv: it cannot be read; save it as CSV in UTF-8"),
     (b"name,points\n", "written.csv: its first row is to name the column 'submission'")],
)  # fmt: skip
def test_written_leaves_a_file_that_it_cannot_read_alone_and_says_so(tmp_path, content, told):
    out = tmp_path / "out"
    out.mkdir()
    (out / "written.csv").write_bytes(content)
    one = ROOT / "data" / "submissions" / "dee_half_done.ipynb"
    done = CliRunner().invoke(cli.main, ["written", str(one), "--out", str(out)])
    assert done.exit_code == 2, "a traceback, or none"
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert (out / "written.csv").read_bytes() == content


def test_an_alias_stays_and_another_purpose_has_others(course, monkeypatch):
    names = scores.aliases(course, ["ada", "bo"])
    assert all(re.fullmatch("[B-Z]{7}", name) for name in names), "spreadsheets spoil numbers"
    assert names == scores.aliases(course, ["bo", "ada"])
    assert not set(names) & set(scores.aliases(course, ["ada", "bo"], "export"))
    monkeypatch.setenv("AUTOGRADER_SECRET", "another secret altogether")
    assert not set(names) & set(scores.aliases(course, ["ada", "bo"]))


# --- the whole way -------------------------------------------------------------------------------


def test_scores_join_the_total_and_every_report_and_survive_a_regrade_and_an_override(
    tmp_path, course, released
):
    (tmp_path / "class").mkdir()
    hand_in(tmp_path / "class", course, ada=filled(released, {"q2c_1": "Rounding."}))
    out = tmp_path / "out"
    submissions = intake.read([tmp_path / "class"], course).submissions
    (before,) = grade_class(course, submissions, out).results
    done = CliRunner().invoke(cli.main, ["written", str(tmp_path / "class"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert str(out / "written" / "index.html") in done.output
    names = {path.name for path in (out / "written").glob("*.html")}
    assert names == {"index.html", *(a.file for a in pages.asked(course))}
    assert "1 of 1 answered" in " ".join((out / "written/index.html").read_text().split())
    assert [path.stem for path in (out / "written" / "documents").iterdir()] == ["ada"]
    table = out / "written.csv"
    assert "ada" not in table.read_text()
    evil = '"=HYPERLINK(""//evil"") <script>alert(1)</script>"'
    table.write_text(table.read_text().replace("2c Q1,,", f"2c Q1,0.75,{evil}"))
    overrides = '[[adjust]]\nsubmission = "ada"\npoints = 2\nreason = "explained it"\n'
    (out / "overrides.toml").write_text(overrides)
    for fresh in (False, True):
        (result,) = grade_class(course, submissions, out, fresh=fresh).results
        assert result.score == before.score + 0.75 + 2
        assert result.possible == before.possible + 1
        written = json.loads((out / "ada" / "results.json").read_text())
        assert written["score"] == result.score
        assert sum(row.get("score", 0) for row in written["tests"]) == pytest.approx(result.score)
        [row] = [r for r in written["tests"] if r["name"].startswith(Q1)]
        assert (row["score"], row["max_score"]) == (0.75, 1)
        assert "HYPERLINK" in row["output"]
        feedback = (out / "ada" / "feedback.html").read_text()
        assert "0.75" in feedback
        assert "=HYPERLINK(&#34;//evil" in feedback
        assert "<script" not in feedback + (out / "report.html").read_text()
        grades = list(csv.DictReader((out / "grades.csv").open(encoding="utf-8-sig")))
        assert (grades[0][Q1], float(grades[0]["score"])) == ("0.75", result.score)
        assert reports.read(out, "ada").score == before.score, "the graded result was changed"


def test_written_pages_can_be_read_by_ear_by_keyboard_and_in_any_light(course, handed_in):
    counts = {asked.label: (1, 2) for asked in pages.asked(course)}
    html = [question_page(1, course, handed_in), pages.document(handed_in[0], course),
            pages.index_page(course, counts)]  # fmt: skip
    for page in html:
        assert accessibility.of_page(page) == []
