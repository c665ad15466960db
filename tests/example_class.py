"""Builds data/submissions: a small class to grade, of people who are right, wrong and unlucky.

Run as `python -m tests.example_class` after a change here, in tests/example_answers.py or in a
master. What each submission must score stands in tests/example_class.csv. All of it is written for
this purpose.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nbformat

from autograder import course, masters
from autograder.archives import zipped
from autograder.problems import problem_text
from tests import example_answers as a

ROOT = Path(__file__).resolve().parents[1]
CLASS = ROOT / "data" / "submissions"
KERNEL = "q_ssm_convolution_kernel"
CPU = "q_coding_ssm_forward_cpu"
GPU = "q_coding_ssm_forward_gpu"
REFEREE = "q_referee_a_model"
PROCESS = "q_homework_process"
_MARKER = re.compile(r" *# (BEGIN|END) SOLUTION\n?|  # SOLUTION$", re.MULTILINE)


def notebook(*cells: str) -> bytes:
    """A notebook of code cells, and of Markdown cells where one starts with #."""
    nodes = [
        nbformat.v4.new_markdown_cell(source, id=f"cell-{number}")
        if source.startswith("# ")
        else nbformat.v4.new_code_cell(source, id=f"cell-{number}")
        for number, source in enumerate(cells, 1)
    ]
    made = nbformat.v4.new_notebook(cells=nodes)
    made.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return (nbformat.writes(made) + "\n").encode()


def assignment(name: str, *cells: str) -> bytes:
    """The same, with the id that the released notebook carries."""
    made = json.loads(notebook(*cells))
    made["metadata"]["otter"] = {"assignment_name": name}
    return (json.dumps(made, indent=1, sort_keys=True) + "\n").encode()


def released(name: str) -> bytes:
    """The notebook as students get it."""
    return (ROOT / "notebooks" / f"{name}.ipynb").read_bytes()


def master_of(name: str) -> Path:
    return ROOT / "solutions" / f"{name}.py"


def solved(name: str) -> bytes:
    """The set-up cell of a notebook and the solution's cells."""
    code = [c for c in masters.read(master_of(name)).cells if c.node.cell_type == "code"]
    answers = [_MARKER.sub("", c.source) for c in code if c.block == "solution"]
    return assignment(name, code[0].source, *answers)


def written_into_the_problem_text(name: str) -> bytes:
    """A notebook's text as students get it in problems/, with the solution in its code blocks."""
    text = problem_text(nbformat.reads(released(name).decode(), 4))
    answers = [_MARKER.sub("", cell.source) for cell in masters.read(master_of(name)).cells
               if cell.block == "solution" and cell.node.cell_type == "code"]  # fmt: skip
    blanks = re.findall(r"```python\n.*?\n```", text, re.DOTALL)
    for blank, answer in zip(blanks, answers, strict=True):
        text = text.replace(blank, f"```python\n{answer}\n```")
    return text.encode()


def submissions() -> dict[str, bytes]:
    """The class by file name."""
    return {
        **on_the_cpu(),
        **on_kernels(),
        **on_the_gpu(),
        **whole_homeworks(),
        **on_the_model_and_the_process(),
    }


def on_the_cpu() -> dict[str, bytes]:
    setup, loop = a.SETUP, a.RECURRENCE
    rest = (a.KERNEL, a.CONVOLUTION, a.COSTS)
    fenced = "\n\n".join(f"```python\n{code}\n```" for code in (setup, loop, *rest))
    out_late = "        out.append(h)\n", "        h = h", "        out.append(h)\n        h = h"
    return {
        "ada_solution.ipynb": assignment(CPU, setup, loop, *rest),
        "ben_fft_and_scan.ipynb": assignment(
            CPU, setup, a.SCAN, a.REVERSED_KERNEL, a.SPECTRUM, a.COSTS
        ),
        "cai_untouched.ipynb": released(CPU),
        "dee_half_done.ipynb": assignment(
            CPU,
            setup,
            loop,
            "def make_conv_kernel(W, T):\n    ...",
            "def conv_ssm_forward(W, U, b, x):\n    K = make_conv_kernel(W, x.shape[1])\n    ...",
            "# I ran out of time here",
            a.COSTS,
        ),
        "eli_bias_forgotten.ipynb": assignment(
            CPU, setup, loop.replace(" @ U.T + b", " @ U.T"), *rest
        ),
        "fay_transposed.ipynb": assignment(CPU, setup, loop.replace("W.T", "W"), *rest),
        "gus_kernel_not_reversed.ipynb": assignment(
            CPU, setup, loop, a.KERNEL, a.CONVOLUTION.replace("K.flip(2)", "K"), a.COSTS
        ),
        "hal_shifted.ipynb": assignment(
            CPU, setup, loop.replace(out_late[0], "").replace(*out_late[1:]), *rest
        ),
        "ida_endless_cell.ipynb": assignment(
            CPU, setup, loop, "i = 0\nwhile i < 10:\n    x = torch.randn(i)", *rest
        ),
        "jon_exits.ipynb": assignment(CPU, setup, loop, "import os\nos._exit(0)", *rest),
        "kim_not_a_notebook.ipynb": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\nScan of homework 8\n",
        "lee HW8 final-Copy1.ipynb": notebook(
            "# Homework 8, coding part",
            a.ORIGINAL_SETUP,
            a.COSTS,
            a.KERNEL,
            loop,
            a.ORIGINAL_CONVOLUTION,
            a.ORIGINAL_MEASUREMENT,
            a.ORIGINAL_WIDGET,
        ),
        "noa_answers.md": f"# My answers\n\n{fenced}\n".encode(),
    }


def on_kernels() -> dict[str, bytes]:
    late = "    x = B\n", "    x = A @ B\n"
    rest = (a.BY_HAND, a.CHOICES)
    return {
        "oda_kernels.ipynb": assignment(
            KERNEL, a.SETUP, a.KERNEL_1A, *rest, a.BY_DOUBLING, a.WITH_STRUCTURE
        ),
        "pam_one_power_too_many.ipynb": assignment(
            KERNEL, a.SETUP, a.KERNEL_1A.replace(*late), *rest, a.BY_DOUBLING, a.WITH_STRUCTURE
        ),
        "quy_powers_in_a_row.ipynb": assignment(
            KERNEL, a.SETUP, a.KERNEL_1A, *rest, a.IN_A_ROW, a.WITH_STRUCTURE
        ),
    }


def on_the_gpu() -> dict[str, bytes]:
    first_entry = "torch.diagonal(W)", "W[0, 0].expand(len(W))"
    return {
        "rex_on_any_device.ipynb": assignment(
            GPU, a.SETUP, a.ON_DEVICE, a.FORWARD_ON_DEVICE, a.DIAGONAL
        ),
        "sue_wants_cuda.ipynb": assignment(
            GPU, a.SETUP, a.CUDA_ANYWAY, a.FORWARD_ON_DEVICE, a.DIAGONAL
        ),
        "tom_first_entry_only.ipynb": assignment(
            GPU, a.SETUP, a.FORWARD_ON_DEVICE, a.DIAGONAL.replace(*first_entry)
        ),
    }


def whole_homeworks() -> dict[str, bytes]:
    names = [notebook.name for notebook in course.load(ROOT).notebooks]
    late = assignment(CPU, a.SETUP, a.RECURRENCE, a.KERNEL, a.CONVOLUTION, a.COSTS)
    return {
        "mia.zip": zipped({"my work/ssm_forward_final (2).ipynb": late}),
        "uma_all_solved.zip": zipped({f"{name}.ipynb": solved(name) for name in names}),
        "val_all_untouched.zip": zipped({f"hw8/{name}.ipynb": released(name) for name in names}),
    }


def on_the_model_and_the_process() -> dict[str, bytes]:
    return {
        "wes_believes_it_all.ipynb": assignment(REFEREE, a.SETUP, a.BELIEVED),
        "xia_refutes_most.ipynb": assignment(REFEREE, a.SETUP, a.MOSTLY_REFUTED),
        "yul_process_only.ipynb": assignment(PROCESS, a.PROCESS),
        "zoe_in_markdown.md": written_into_the_problem_text(REFEREE),
    }


def build(folder: Path) -> None:
    """Write the class into an empty `folder`."""
    for name, content in submissions().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    shutil.rmtree(CLASS, ignore_errors=True)
    CLASS.mkdir(parents=True)
    build(CLASS)
