"""Intake: whatever lies at a path becomes submissions, and nothing of it is trusted."""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.course import Course, Limits
from autograder.intake import Intake, IntakeError, Submission, read, read_one
from autograder.intake.files import MAX_FILES, MAX_UNPACKED
from autograder.intake.names import ID_BYTES, safe_id, unique_ids
from autograder.intake.notebooks import MAX_JSON_VALUES, parse
from autograder.intake.pictures import MAX_COUNT
from autograder.notebook import Notebook

SHARED = {"forward", "kernel", "convolve"}
CPU, GPU, RIDGE = "q_forward_cpu", "q_forward_gpu", "q_ridge"


def notebook(name: str, *defines: str) -> Notebook:
    return Notebook(name, name, Path(f"{name}.py"), (), {}, frozenset(defines))


COURSE = Course(
    root=Path(),
    name="hw",
    title="Homework",
    release="1",
    notebooks=(
        notebook(CPU, *SHARED, "operations", "largest_difference"),
        notebook(GPU, *SHARED, "diagonal_kernel", "diagonal_convolve"),
        notebook(RIDGE, "ridge_weights", "running_mean"),
    ),
    limits=Limits(submission_bytes=1 << 20),
    tell_cause="always",
    seed="",
    version="",
)


def stubs(*names: str) -> str:
    return "\n\n".join(f"def {name}(x):\n    return x + 1" for name in names)


def ipynb(*sources: Any, embedded: str = "", **top: Any) -> bytes:
    """A notebook of code cells as bytes."""
    metadata = {"otter": {"assignment_name": embedded}} if embedded else {}
    cells = [
        {"cell_type": "code", "source": s, "metadata": {}, "outputs": [], "execution_count": None}
        for s in sources
    ]
    body = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(body | top).encode()


RIDGE_NOTEBOOK = ipynb(stubs("ridge_weights", "running_mean"), embedded=RIDGE)


def zipped(files: Iterable[tuple[str | zipfile.ZipInfo, bytes]], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def one(folder: Path, name: str, data: bytes, only: str | None = None) -> Submission:
    """What a single file of that name and content becomes."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    intake = read([folder / name], COURSE, only)
    assert intake.errors == []
    [submission] = intake.submissions
    return submission


def refused(folder: Path, name: str, data: bytes) -> str:
    """The one sentence about a file that cannot be read."""
    submission = one(folder, name, data)
    assert submission.notebooks == {}
    [problem] = submission.problems
    return problem


# --- which notebook a file is --------------------------------------------------------------------


def test_a_single_notebook_is_graded_by_itself(tmp_path: Path) -> None:
    submission = one(tmp_path, "ada.ipynb", RIDGE_NOTEBOOK)
    assert submission.id == "ada"
    assert not submission.whole
    assert submission.problems == ()
    assert submission.notebooks[RIDGE].file == "ada.ipynb"


def test_a_foreign_id_is_not_overruled_by_what_a_notebook_defines(tmp_path: Path) -> None:
    data = ipynb(stubs("ridge_weights", "running_mean"), embedded="q_of_another_homework")
    submission = one(tmp_path, "x.ipynb", data)
    assert not submission.notebooks
    assert "not graded" in submission.problems[0]


def test_the_embedded_id_decides_before_the_name_and_the_content(tmp_path: Path) -> None:
    data = ipynb(stubs("ridge_weights"), embedded=GPU)
    [found] = one(tmp_path, f"{CPU}.ipynb", data).notebooks.values()
    assert (found.name, found.identified_by) == (GPU, "its embedded id")


@pytest.mark.parametrize(
    "file",
    [
        "q_forward_cpu-Copy1.ipynb",
        "q_forward_cpu (1).ipynb",
        "Ada Lovelace - Q Forward CPU final.ipynb",
        "Q_FORWARD_CPU.IPYNB",
        "q-forward-cpu.ipynb.txt",
        "q_forward_cpu.ipynb.json",
    ],
)
def test_a_renamed_copy_is_known_by_the_name_within_its_name(tmp_path: Path, file: str) -> None:
    [found] = one(tmp_path, file, ipynb(stubs("ridge_weights"))).notebooks.values()
    assert (found.name, found.identified_by) == (CPU, "its name")


def test_shared_functions_mean_the_earlier_notebook_and_a_diagonal_one_the_later(
    tmp_path: Path,
) -> None:
    shared = one(tmp_path, "mine.ipynb", ipynb(stubs(*SHARED)))
    diagonal = one(tmp_path, "mine2.ipynb", ipynb(stubs(*SHARED, "diagonal_kernel")))
    assert list(shared.notebooks) == [CPU]
    assert list(diagonal.notebooks) == [GPU]
    assert diagonal.notebooks[GPU].identified_by == "the functions it defines"


def test_definitions_are_found_beside_magics_and_syntax_errors(tmp_path: Path) -> None:
    source = "%%time\n!pip install nothing\ndef broken(:\nanswer: int = 3\nridge_weights, b = 1, 2"
    assert list(one(tmp_path, "mine.ipynb", ipynb(source)).notebooks) == [RIDGE]


def test_the_option_only_decides_for_a_single_file(tmp_path: Path) -> None:
    submission = one(tmp_path, "x.ipynb", ipynb("a = 1", embedded=RIDGE), only=CPU)
    assert submission.notebooks[CPU].identified_by == "the option --only"


def test_the_option_only_takes_one_notebook_from_a_zip_and_misses_no_other(tmp_path: Path) -> None:
    data = zipped([("a.ipynb", RIDGE_NOTEBOOK), ("b.ipynb", ipynb("x=1", embedded=CPU))])
    submission = one(tmp_path, "ada.zip", data, only=RIDGE)
    assert list(submission.notebooks) == [RIDGE]
    assert submission.problems == ()


def test_the_option_only_must_name_a_notebook_of_the_course(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match=r"q_nothing: not a notebook .* q_forward_cpu"):
        one(tmp_path, "x.ipynb", RIDGE_NOTEBOOK, only="q_nothing")


def test_a_file_of_nothing_that_was_asked_for_says_so(tmp_path: Path) -> None:
    problem = refused(tmp_path, "mine.ipynb", ipynb(stubs("something_else")))
    assert "mine.ipynb" in problem
    assert "not graded" in problem


# --- formats -------------------------------------------------------------------------------------


def test_cells_keep_their_numbers_kinds_sources_and_tags(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": "# Title"},
        {"cell_type": "code", "source": ["a = 1\n", "b = 2"], "metadata": {"tags": ["slow", 3]}},
        "not a cell",
        {"cell_type": "code", "source": 7},
        {"cell_type": "raw", "source": "raw"},
    ]
    data = json.dumps({"cells": cells}).encode()
    found = one(tmp_path, f"{RIDGE}.ipynb", data).notebooks[RIDGE].cells
    assert [c.number for c in found] == [1, 2, 3, 4, 5]
    assert [c.kind for c in found] == ["markdown", "code", "markdown", "code", "markdown"]
    assert [c.source for c in found] == ["# Title", "a = 1\nb = 2", "", "", "raw"]
    assert found[1].tags == {"slow"}


def test_an_old_notebook_with_worksheets_is_read(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "input": stubs("ridge_weights"), "outputs": []}
    data = json.dumps({"worksheets": [{"cells": [cell]}], "nbformat": 3}).encode()
    assert list(one(tmp_path, "old.ipynb", data).notebooks) == [RIDGE]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_script_is_read_in_the_encodings_that_editors_write(
    tmp_path: Path, encoding: str
) -> None:
    data = ("# naïve\r\n" + stubs("ridge_weights") + "\nname = 'é'").encode(encoding)
    [found] = one(tmp_path, "mine.py", data).notebooks.values()
    assert "naïve" in found.cells[0].source
    assert "name = 'é'" in found.cells[-1].source


def test_a_percent_script_has_the_cells_of_the_notebook_it_was_written_from(tmp_path: Path) -> None:
    script = (
        "# ---\n# jupyter: {}\n# ---\n\n# %% [markdown]\n# # Title\n#\n# text\n\n"
        '# %% tags=["otter_ignore"]\nslow()\n\n# %%\n' + stubs("ridge_weights")
    )
    cells = one(tmp_path, "mine.py", script.encode()).notebooks[RIDGE].cells
    assert [(c.kind, c.source) for c in cells] == [
        ("markdown", "# Title\n\ntext"),
        ("code", "slow()"),
        ("code", stubs("ridge_weights")),
    ]
    assert cells[1].tags == {"otter_ignore"}


def test_a_plain_script_is_cut_where_the_rest_can_still_run(tmp_path: Path) -> None:
    script = (
        'a = 1\nb = 2\n\ntext = """\n\none\n"""; c = 3\n\n'
        "# Why\n@wraps\ndef ridge_weights():\n\n    return 1\n"
    )
    cells = one(tmp_path, "mine.py", script.encode()).notebooks[RIDGE].cells
    assert [c.source for c in cells] == [
        "a = 1\nb = 2",
        'text = """\n\none\n"""; c = 3',
        "# Why\n@wraps\ndef ridge_weights():\n\n    return 1",
    ]


def test_a_script_with_a_syntax_error_is_one_cell(tmp_path: Path) -> None:
    script = "def ridge_weights(:\n    pass\n\nx = 1"
    [cell] = one(tmp_path, "mine.py", script.encode()).notebooks[RIDGE].cells
    assert cell.source == script


def test_markdown_gives_its_python_blocks_also_from_lists_and_quotes(tmp_path: Path) -> None:
    text = (
        "Answer:\n\n1. First\n\n   ```python\n   def ridge_weights(x):\n       return x\n   ```\n"
        "> ~~~ py\n> y = 2\n> ~~~\n```text\nnot code\n```\n````{python}\n```\ninner = 1\n````\n"
    )
    cells = one(tmp_path, "answers.md", text.encode()).notebooks[RIDGE].cells
    code = [c.source for c in cells if c.kind == "code"]
    assert code == ["def ridge_weights(x):\n    return x", "y = 2", "```\ninner = 1"]


def test_blocks_of_no_language_are_python_where_none_has_one(tmp_path: Path) -> None:
    text = "```\nridge_weights = 1\n```\nand an open one:\n```\nrunning_mean = 2"
    cells = one(tmp_path, "answers.md", text.encode()).notebooks[RIDGE].cells
    assert [c.source for c in cells if c.kind == "code"] == [
        "ridge_weights = 1",
        "running_mean = 2",
    ]


def seconds(name: str, text: str) -> float:
    began = time.process_time()
    parse(name, text.encode())
    return time.process_time() - began


LONG = {
    "a line that is nearly a fence": ("a.md", lambda n: f"```{' ' * n}`"),
    "an empty line that is nearly a fence": ("a.md", lambda n: f"~~~{' ' * n}x`"),
    "a fence that names a language far away": ("a.md", lambda n: f"```{' ' * n}python\nx = 1"),
    "a quotation without an end": ("a.md", lambda n: "> " * n),
    "a language without an end": ("a.md", lambda n: f"```code-cell}}{' ' * n}"),
    "a title of tags without an end": ("a.py", lambda n: "# %%" + "tags=[" * n),
    "many titles of tags without an end": (
        "a.py", lambda n: ("# %% " + "tags=[" * 165 + "\n1\n") * (n // 50)
    ),
    "a title with a tag without an end": ("a.py", lambda n: f"# %% tags{' ' * n}"),
    "pictures without an end": ("a.md", lambda n: "data:image/png;base64," * n),
}  # fmt: skip


@pytest.mark.parametrize("shape", LONG)
def test_a_text_of_four_times_the_length_takes_about_four_times_as_long_to_read(shape: str) -> None:
    name, text = LONG[shape]
    short, long = (min(seconds(name, text(n)) for _ in range(3)) for n in (10_000, 40_000))
    assert long < 8 * max(short, 0.005)


# --- what cannot be read, and what its author is told --------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.ipynb", b"%PDF-1.7 ...", "it starts like a PDF. Upload the .ipynb"),
        ("a.ipynb", b"\n<!DOCTYPE html><html>", "it starts like a web page"),
        ("a.ipynb", b"PK\x03\x04....", "it starts like a zip"),
        ("a.ipynb", b"  \n", "This file is empty"),
        ("a.ipynb", b"print('hello')", "it is plain text"),
        ("a.ipynb", RIDGE_NOTEBOOK[:200], "it ends too early"),
        ("a.ipynb", b'{"cells": [}', "see line 1"),
        ("a.ipynb", b'{\n<<<<<<< HEAD\n"cells": []}', "merge conflict"),
        ("a.ipynb", b"[1, 2]", "JSON of another kind"),
        ("a.ipynb", b'{"cells": []}', "holds no cells"),
        ("a.ipynb", b'{"cells": {"a": 1}}', "holds no cells"),
        ("a.ipynb", ipynb("", " "), "are empty"),
        ("a.ipynb", b'{"cells": ' + b"[" * 100_000, "nested too deeply"),
        ("a.ipynb", b'{"cells": ' + b"9" * 5000 + b"}", "values that no notebook holds"),
        ("a.zip", b"", "empty (0 bytes)"),
        ("a.zip", b"nothing of the sort", "cannot be opened: it is damaged"),
        ("a.zip", b"Rar!...", "it starts like a RAR archive"),
        ("a.zip", zipped([]), "There is no notebook here"),
        ("a.zip", zipped([("report.pdf", b"%PDF")]), "only report.pdf"),
        ("a.pdf", b"%PDF", "There is no notebook here, only a.pdf"),
        ("a.py", b"\x89PNG\r\n", "not a Python script: it starts like a picture"),
    ],
)
def test_a_broken_file_is_one_sentence_for_its_author(
    tmp_path: Path, name: str, data: bytes, told: str
) -> None:
    assert told in refused(tmp_path, name, data)


def test_nan_and_huge_outputs_do_not_stand_in_the_way(tmp_path: Path) -> None:
    data = RIDGE_NOTEBOOK.replace(b'"outputs": []', b'"outputs": [NaN, "%s"]' % (b"x" * 500_000))
    assert set(one(tmp_path, "a.ipynb", data).notebooks) == {RIDGE}


def test_a_file_larger_than_a_submission_may_be_is_not_read(tmp_path: Path) -> None:
    data = RIDGE_NOTEBOOK + b" " * COURSE.limits.submission_bytes
    assert "larger than a submission may be" in refused(tmp_path, "a.ipynb", data)


def test_a_notebook_of_millions_of_values_is_refused_before_it_fills_the_memory(
    tmp_path: Path,
) -> None:
    course = replace(COURSE, limits=Limits())
    path = tmp_path / "a.ipynb"
    path.write_bytes(b'{"cells": [' + b"[]," * (MAX_JSON_VALUES // 2) + b"[]]}")
    [submission] = read([path], course).submissions
    assert "Clear its outputs" in submission.problems[0]


def test_a_notebook_takes_a_few_times_its_size_of_memory_to_read() -> None:
    """As text in which one character is of four bytes, and with as many values as may be."""
    many = ",".join(f'{{"{i:x}":""}}' for i in range(MAX_JSON_VALUES // 2 - 10))
    text = '{"cells":[{"cell_type":"code","source":"x = 1 \U0001f600"}],"metadata":{"a":[%s,"%s"]}}'
    data = (text % (many, "y" * ((40 << 20) - len(many)))).encode()
    del many
    tracemalloc.start()
    try:
        assert parse("a.ipynb", data).cells[0].source == "x = 1 \U0001f600"
        assert tracemalloc.get_traced_memory()[1] < 10 * len(data)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-16-le", "cp1252"])
def test_a_text_is_whole_in_whatever_it_was_written(encoding: str) -> None:
    data = "# \xe9".encode(encoding) + b"\xd8\x00\xed\xa0\x80"
    mark = {"utf-16-be": b"\xfe\xff", "utf-16-le": b"\xff\xfe"}.get(encoding, b"")
    [cell] = parse("a.py", mark + data + b"\nx = 1").cells
    assert cell.source.encode("utf-8")


@pytest.mark.parametrize("name", ["a.py", "a.md", "a.ipynb"])
@pytest.mark.parametrize("source", ["x" * 3_000_000, "x\n" * 60_000])
def test_a_file_of_pasted_data_is_refused(tmp_path: Path, name: str, source: str) -> None:
    course = replace(COURSE, limits=Limits())
    path = tmp_path / name
    path.write_bytes(ipynb(source) if name == "a.ipynb" else source.encode())
    [submission] = read([path], course).submissions
    assert "far more code" in submission.problems[0]


def test_of_thousands_of_pictures_so_many_are_kept_as_can_be_searched(tmp_path: Path) -> None:
    gif = base64.b64encode(b"GIF89a").decode()
    text = f"![a](data:image/gif;base64,{gif}) " * 3 * MAX_COUNT
    data = f"```python\nridge_weights = 1\n```\n{text}".encode()
    [found] = one(tmp_path, "a.md", data).notebooks.values()
    assert sum(len(cell.pictures) for cell in found.cells) == MAX_COUNT


def test_broken_characters_are_replaced_so_that_the_text_can_go_anywhere(tmp_path: Path) -> None:
    data = ipynb("ridge_weights = '\ud800 \0'")
    [found] = one(tmp_path, "a.ipynb", data).notebooks.values()
    assert found.cells[0].source.encode() == "ridge_weights = '? \ufffd'".encode()


# --- zips ----------------------------------------------------------------------------------------


def member(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def test_a_zip_stands_for_the_whole_homework_and_what_is_missing_is_named_first(
    tmp_path: Path,
) -> None:
    damaged = ("hw/b.ipynb", b"{")
    submission = one(tmp_path, "ada.zip", zipped([("hw/a.ipynb", RIDGE_NOTEBOOK), damaged]))
    assert submission.whole
    assert list(submission.notebooks) == [RIDGE]
    assert CPU in submission.problems[0]
    assert GPU in submission.problems[0]
    assert submission.problems[1].startswith("b.ipynb: This notebook is damaged")


def test_a_folder_of_helpers_and_hidden_files_beside_a_notebook_passes_in_silence(
    tmp_path: Path,
) -> None:
    files = [
        (f"{RIDGE}.ipynb", RIDGE_NOTEBOOK),
        ("labkit/__init__.py", b""),
        ("labkit/plots.py", b"def draw(): ..."),
        ("README.md", b"# Read me"),
        ("data/u.npy", b"\x93NUMPY"),
        ("__MACOSX/._a.ipynb", b"\0\1"),
        (".ipynb_checkpoints/a-checkpoint.ipynb", b"{"),
        (".OTTER_LOG", b"\x80\x04"),
    ]
    submission = one(tmp_path, "ada.zip", zipped(files), only=RIDGE)
    assert submission.problems == ()
    assert list(submission.notebooks) == [RIDGE]


@pytest.mark.parametrize(
    ("info", "told"),
    [
        (member("../a.ipynb"), "leads out of the zip"),
        (member("/etc/a.ipynb"), "leads out of the zip"),
        (member("C:\\a.ipynb"), "leads out of the zip"),
        (member("a.ipynb", stat.S_IFLNK | 0o777), "a link"),
    ],
)
def test_a_member_that_points_elsewhere_is_left_out(
    tmp_path: Path, info: zipfile.ZipInfo, told: str
) -> None:
    assert told in refused(tmp_path, "a.zip", zipped([(info, RIDGE_NOTEBOOK)]))


def test_a_password_and_a_rare_compression_are_named(tmp_path: Path) -> None:
    locked = bytearray(zipped([("a.ipynb", RIDGE_NOTEBOOK)]))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert "password" in refused(tmp_path, "a.zip", bytes(locked))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.ipynb", RIDGE_NOTEBOOK)
    assert "unusual way" in refused(tmp_path, "b.zip", buffer.getvalue())


def test_a_damaged_member_costs_only_itself(tmp_path: Path) -> None:
    data = bytearray(zipped([("a.ipynb", b"x" * 999), (f"{RIDGE}.ipynb", RIDGE_NOTEBOOK)]))
    data[40] ^= 0xFF
    submission = one(tmp_path, "ada.zip", bytes(data))
    assert list(submission.notebooks) == [RIDGE]
    assert "a.ipynb: It is damaged in the zip" in submission.problems[1]


def test_a_bomb_is_read_no_further_than_the_allowance(tmp_path: Path) -> None:
    """A small zip of members that unpack to far more than allowed in all."""
    bomb = zipped([(f"{i}.ipynb", b"[" * (1 << 20)) for i in range(20)])
    assert len(bomb) < 50_000
    problems = one(tmp_path, "ada.zip", bomb).problems
    assert sum("larger than a submission may be" in p for p in problems) == 19


@pytest.mark.parametrize("kind", ["too large", "damaged", "pictures", "overlapping"])
def test_what_is_unpacked_in_vain_has_an_end(tmp_path: Path, kind: str, monkeypatch) -> None:
    """A zip of files that are each unpacked far, and from which nothing comes."""
    allowed = COURSE.limits.submission_bytes
    suffix, content = "ipynb", b"[" * (2 * allowed)
    if kind == "damaged":
        content = b"[" * (allowed - 1000)
    if kind == "pictures":
        suffix, content = "png", b"x" * allowed
    data = zipped([(f"{i:02}.{suffix}", content) for i in range(60)])
    if kind == "damaged":
        crc = zlib.crc32(content).to_bytes(4, "little")
        data = data.replace(crc, bytes(4))
    if kind == "overlapping":  # all of them one file's bytes, which need not make anything
        data = overlapping(allowed // 2, 60)
    counted: list[int] = []
    real = zipfile.ZipExtFile.read

    def counting(self: zipfile.ZipExtFile, size: int = -1) -> bytes:
        found = real(self, size)
        counted.append(len(found) + (self._orig_compress_size if kind == "overlapping" else 0))
        return found

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counting)
    problems = one(tmp_path, "ada.zip", data).problems
    assert sum(counted) <= (MAX_UNPACKED + 4) * allowed
    if kind != "pictures":
        assert any("The files before it are far larger" in p for p in problems)


def overlapping(size: int, count: int) -> bytes:
    """A zip whose entries are all the same bytes: blocks of nothing, so many that reading them
    takes long."""
    packed = b"\x00\x00\x00\xff\xff" * (size // 5) + b"\x03\x00"
    name = b"00.ipynb"
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, 0, len(packed), 10, len(name), 0)
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 33, 0, len(packed), 10,
                        len(name), 0, 0, 0, 0, 0, 0)  # fmt: skip
    start, entries = local + name + packed, (entry + name) * count
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(entries), len(start), 0)
    return start + entries + end


def test_what_is_read_in_vain_leaves_the_rest_its_room(tmp_path: Path) -> None:
    large = b"[" * (2 * COURSE.limits.submission_bytes)
    files = [("a.ipynb", large), ("b.ipynb", large), (f"{RIDGE}.ipynb", RIDGE_NOTEBOOK)]
    assert list(one(tmp_path, "ada.zip", zipped(files)).notebooks) == [RIDGE]


def test_a_bomb_never_lies_unpacked_in_memory(tmp_path: Path) -> None:
    bomb = zipped([("a.ipynb", bytes(64 << 20))])
    tracemalloc.start()
    try:
        refused(tmp_path, "ada.zip", bomb)
        assert tracemalloc.get_traced_memory()[1] < 8 * COURSE.limits.submission_bytes
    finally:
        tracemalloc.stop()


def test_a_zip_in_a_zip_is_opened_and_no_deeper(tmp_path: Path) -> None:
    inner = zipped([("a.ipynb", RIDGE_NOTEBOOK)])
    twice = zipped([("inner.zip", inner)])
    assert list(one(tmp_path, "a.zip", twice).notebooks) == [RIDGE]
    assert "is not opened" in refused(tmp_path, "b.zip", zipped([("twice.zip", twice)]))


def test_more_files_than_allowed_are_left_out_with_one_sentence(tmp_path: Path) -> None:
    files = [(f"{i:04}.txt", b"") for i in range(MAX_FILES + 50)]
    submission = one(tmp_path, "a.zip", zipped([*files, ("z.ipynb", RIDGE_NOTEBOOK)]))
    assert submission.problems == (f"More than {MAX_FILES} files; the rest was left out.",)
    many = zipped((f"{i}", b"") for i in range(4 * MAX_FILES + 1))
    assert "far more than" in refused(tmp_path, "b.zip", many)


def test_of_two_files_of_one_notebook_the_fuller_is_graded(tmp_path: Path) -> None:
    untouched = ipynb("def ridge_weights(x):\n    ...  # your code\n\nrunning_mean = ...")
    files = [(f"{RIDGE}.ipynb", untouched), (f"{RIDGE}-Copy1.ipynb", RIDGE_NOTEBOOK)]
    submission = one(tmp_path, "ada.zip", zipped(files), only=RIDGE)
    assert submission.notebooks[RIDGE].file == f"{RIDGE}-Copy1.ipynb"
    [problem] = submission.problems
    assert problem.startswith(f"{RIDGE}.ipynb: This is {RIDGE} too")
    assert "answers more" in problem


def test_of_two_equally_full_files_in_a_zip_the_newer_is_graded(tmp_path: Path) -> None:
    old, new = member("a.ipynb"), member("much longer name.ipynb")
    new.date_time = (2025, 1, 1, 0, 0, 0)
    submission = one(tmp_path, "ada.zip", zipped([(old, RIDGE_NOTEBOOK), (new, RIDGE_NOTEBOOK)]))
    assert submission.notebooks[RIDGE].file == "much longer name.ipynb"


def test_a_zip_of_a_whole_class_is_not_taken_for_one_student(tmp_path: Path) -> None:
    files = [("export/submission_metadata.yml", b"{}"), ("export/s/a.ipynb", RIDGE_NOTEBOOK)]
    assert "Unpack it" in refused(tmp_path, "export.zip", zipped(files))


# --- folders, exports, paths ---------------------------------------------------------------------


def test_a_folder_is_a_class_and_each_entry_a_submission(tmp_path: Path) -> None:
    (tmp_path / "ada.ipynb").write_bytes(RIDGE_NOTEBOOK)
    (tmp_path / "ada.py").write_text(stubs("ridge_weights"))
    (tmp_path / "bo.smith").mkdir()
    (tmp_path / "bo.smith" / "deep").mkdir()
    (tmp_path / "bo.smith" / "deep" / "x.ipynb").write_bytes(RIDGE_NOTEBOOK)
    (tmp_path / "cy.pdf").write_bytes(b"%PDF")
    for name in ("README.md", "expected.csv", ".DS_Store"):
        (tmp_path / name).touch()
    (tmp_path / ".ipynb_checkpoints").mkdir()
    intake = read([tmp_path], COURSE)
    assert [s.id for s in intake.submissions] == ["ada", "ada-2", "bo.smith", "cy"]
    assert [s.whole for s in intake.submissions] == [False, False, True, False]
    assert [len(s.notebooks) for s in intake.submissions] == [1, 1, 1, 0]


def test_a_bad_path_is_a_line_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    good = tmp_path / "ada.ipynb"
    good.write_bytes(RIDGE_NOTEBOOK)
    intake = read([tmp_path / "none", tmp_path / "empty", good, Path("/dev/null")], COURSE)
    assert [s.id for s in intake.submissions] == ["ada"]
    assert [line.removeprefix(f"{tmp_path}/") for line in intake.errors] == [
        "none: No such file or directory",
        "empty: no submissions in this folder",
        "/dev/null: neither a file nor a folder",
    ]


def test_links_and_pipes_in_a_class_are_never_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(RIDGE_NOTEBOOK)
    folder = tmp_path / "class"
    (folder / "bo").mkdir(parents=True)
    (folder / "ada.ipynb").symlink_to(secret)
    (folder / "bo" / "x.ipynb").symlink_to(secret)
    (folder / "cy").symlink_to(tmp_path)
    os.mkfifo(folder / "di.ipynb")
    intake = read([folder], COURSE)
    assert not any(s.notebooks for s in intake.submissions)
    assert [p.split(": ")[1] for s in intake.submissions for p in s.problems] == [
        "This is a link, and links are not followed. Hand in the file.",
        "This is a link, and links are not followed. Hand in the file.",
        "This is a link, and links are not followed. Hand in the file.",
        "This is not an ordinary file.",
    ]


def test_a_gradescope_export_names_the_members_of_each_group(tmp_path: Path) -> None:
    (tmp_path / "submission_1").mkdir()
    (tmp_path / "submission_1" / "mine.ipynb").write_bytes(RIDGE_NOTEBOOK)
    (tmp_path / "submission_3").mkdir()
    (tmp_path / "submission_metadata.yml").write_text(
        "submission_1:\n  :submitters:\n"
        "  - :name: Ada Lovelace\n    :sid: '1'\n    :email: ada@school.edu\n"
        "  - :name: 張偉\n    :sid: '2'\n    :email: wei@school.edu\n"
        "  :created_at: 2025-03-01 12:00:00.000000000 Z\n  :score: 3.0\n"
        "submission_2:\n  :submitters:\n  - :name: Bo\n    :sid: \n    :email: bo@school.edu\n"
    )
    first, third, second = read([tmp_path], COURSE).submissions
    assert first.members == ("Ada Lovelace", "張偉")
    assert first.metadata == {
        "source": "gradescope",
        "submitted": "2025-03-01 12:00:00+00:00",
        "emails": "ada@school.edu\nwei@school.edu",
        "sids": "1\n2",
    }
    assert first.whole
    assert list(first.notebooks) == [RIDGE]
    assert (third.members, third.notebooks) == ((), {})
    assert (second.id, second.members, second.notebooks) == ("submission_2", ("Bo",), {})


def test_a_member_without_a_name_shifts_nobody_s_number(tmp_path: Path) -> None:
    (tmp_path / "submission_metadata.yml").write_text(
        "submission_1:\n  :submitters:\n  - {}\n"
        "  - :name: Ada\n    :sid: '1'\n  - :name: Ben\n    :sid: '2'\n"
    )
    [group] = read([tmp_path], COURSE).submissions
    assert group.members == ("Ada", "Ben")
    assert group.metadata["sids"] == "1\n2"


@pytest.mark.parametrize("table", ["[1, 2]", "a: !!python/object:os.system {}", "{{{", "\x00"])
def test_a_broken_gradescope_table_is_one_clear_line(tmp_path: Path, table: str) -> None:
    (tmp_path / "submission_metadata.yml").write_text(table)
    intake = read([tmp_path], COURSE)
    assert intake.submissions == []
    [line] = intake.errors
    assert "submission_metadata.yml" in line
    assert "\n" not in line


def test_a_canvas_download_gathers_the_files_of_each_student(tmp_path: Path) -> None:
    for name in (
        "lovelaceada_101_9001_q_ridge-2.ipynb",
        "lovelaceada_LATE_101_9002_q_forward_cpu.ipynb",
        "smithbo_102_9003_mine.ipynb",
        "other.ipynb",
    ):
        (tmp_path / name).write_bytes(ipynb(stubs("ridge_weights")))
    ada, bo, other = read([tmp_path], COURSE).submissions
    assert (ada.id, ada.members) == ("lovelaceada_101", ("lovelaceada",))
    assert list(ada.notebooks) == [CPU, RIDGE]
    assert ada.metadata["late"] == "yes"
    assert ada.metadata["user_id"] == "101"
    assert bo.whole
    assert "late" not in bo.metadata
    assert (other.id, other.whole) == ("other", False)


def test_one_name_that_looks_like_canvas_does_not_make_a_class_an_export(tmp_path: Path) -> None:
    for name in ("lab_1_2_ada.ipynb", "bo.ipynb"):
        (tmp_path / name).write_bytes(RIDGE_NOTEBOOK)
    assert [s.id for s in read([tmp_path], COURSE).submissions] == ["bo", "lab_1_2_ada"]


def test_reading_one_submission_gathers_its_paths_under_a_given_name(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_bytes(RIDGE_NOTEBOOK)
    submission = read_one([tmp_path], COURSE, name="me", members=("Ada",), metadata={"late": "yes"})
    assert (submission.id, submission.members, submission.whole) == ("me", ("Ada",), True)
    assert submission.metadata == {"late": "yes"}


def test_the_digest_is_that_of_the_content_and_of_who_handed_it_in(tmp_path: Path) -> None:
    def digest(data: bytes, members: tuple[str, ...] = ()) -> str:
        (tmp_path / "a.ipynb").write_bytes(data)
        return read_one([tmp_path], COURSE, name="me", members=members).digest

    first = digest(RIDGE_NOTEBOOK)
    os.utime(tmp_path / "a.ipynb", (0, 0))
    assert read_one([tmp_path], COURSE, name="me").digest == first
    assert digest(RIDGE_NOTEBOOK + b" ") != first
    assert digest(RIDGE_NOTEBOOK, ("Ada",)) != first


# --- whatever comes ------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=300), max_size=8))
@settings(max_examples=200)
def test_ids_are_distinct_and_each_is_the_name_of_one_visible_folder(names: list[str]) -> None:
    ids = unique_ids(names)
    assert len({name.casefold() for name in ids}) == len(names)
    for name in ids:
        assert os.path.basename(name) == name
        assert name.strip(". ") == name.rstrip(". ") == name != ""
        assert "\0" not in name
        assert len(name.encode()) <= ID_BYTES + 10
        assert name not in ("grades.csv", "report.html")


def test_ids_stay_recognisable() -> None:
    assert safe_id("張偉 (Ada) ñ") == "張偉 (Ada) ñ"
    assert safe_id("..\u202e/../a\nb") == "_.._a b"
    assert safe_id("...") == "submission"
    assert unique_ids(["Ada", "ada", "ada-2", "grades.csv"]) == [
        "Ada",
        "ada-2",
        "ada-2-2",
        "grades.csv-2",
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["cells", "source", "cell_type", "metadata", "tags", "otter", "worksheets", "input"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)
anything = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def has_a_result(folder: Path, name: str, data: bytes) -> None:
    submission = one(folder, name, data)
    assert submission.notebooks or submission.problems
    json.dumps(
        [submission.problems, [c.source for n in submission.notebooks.values() for c in n.cells]]
    )
    for problem in submission.problems:
        assert problem.isprintable()
        assert len(problem) < 1000


@given(json_values)
@anything
def test_json_of_any_shape_is_read_or_explained(tmp_path: Path, value: Any) -> None:
    has_a_result(tmp_path, "a.ipynb", json.dumps({"cells": value}).encode())
    has_a_result(tmp_path, f"{RIDGE}.ipynb", json.dumps(value).encode())


@given(st.data())
@anything
def test_damaged_notebooks_and_zips_are_read_or_explained(tmp_path: Path, data: Any) -> None:
    whole = zipped([("a/x.ipynb", RIDGE_NOTEBOOK), ("b.py", b"# %%\nx = 1")])
    name, content = data.draw(st.sampled_from([("a.ipynb", RIDGE_NOTEBOOK), ("a.zip", whole)]))
    content = bytearray(content)
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    has_a_result(tmp_path, name, bytes(content[:cut]))


@given(st.sampled_from(["a.py", "a.md", "a.zip", "a.ipynb", "a"]), st.binary(max_size=400))
@anything
def test_bytes_of_any_kind_are_read_or_explained(tmp_path: Path, name: str, data: bytes) -> None:
    has_a_result(tmp_path, name, data)


def test_reading_nothing_finds_nothing() -> None:
    assert read([], COURSE) == Intake([], [])
