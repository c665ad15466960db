"""Builds data/submissions: a small class to grade, of people who are right, wrong and unlucky.

Run as `python -m tests.example_class` after a change here or in the student notebook. What each
submission must score stands in tests/example_class.csv. All of it is written for this purpose.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
CLASS = ROOT / "data" / "submissions"
CPU = "q_coding_ssm_forward_cpu"

SETUP = "import torch\nimport torch.nn.functional as F"

RECURRENCE = """\
def unrolled_ssm_forward(W, U, b, x):
    h = torch.zeros(x.shape[0], W.shape[0])
    out = []
    for t in range(x.shape[1]):
        h = h @ W.T + x[:, t] @ U.T + b
        out.append(h)
    return torch.stack(out, dim=1)"""

KERNEL = """\
def make_conv_kernel(W, T):
    powers, step = torch.eye(len(W)).unsqueeze(0), W
    while len(powers) < T:
        powers = torch.cat([powers, step @ powers])
        step = step @ step
    return powers[:T].permute(1, 2, 0)"""

CONVOLUTION = """\
def conv_ssm_forward(W, U, b, x):
    T = x.shape[1]
    K = make_conv_kernel(W, T)
    v = (x @ U.T + b).transpose(1, 2)
    return F.conv1d(F.pad(v, (T - 1, 0)), K.flip(2)).transpose(1, 2)"""

COSTS = """\
def largest_difference(a, b):
    return (a - b).abs().max()

def recurrent_flops(N, T, D, H):
    return 2 * N * T * H * (H + D)

def convolution_flops(N, T, D, H):
    return 2 * T * H**3 + 2 * N * T * D * H + 2 * N * T**2 * H**2"""

SCAN = """\
def unrolled_ssm_forward(W, U, b, x):
    # a prefix scan: after k rounds h[t] holds the last 2^k inputs
    h, A, reach = x @ U.T + b, W, 1
    while reach < x.shape[1]:
        h = torch.cat([h[:, :reach], h[:, reach:] + h[:, :-reach] @ A.T], dim=1)
        A, reach = A @ A, 2 * reach
    return h"""

REVERSED_KERNEL = """\
def make_conv_kernel(W, T):
    # the newest step last, as conv1d wants it
    if T == 1:
        return torch.eye(len(W))[:, :, None]
    half = make_conv_kernel(W, (T + 1) // 2)
    jump = torch.linalg.matrix_power(W, (T + 1) // 2)
    older = torch.einsum("ij,jkl->ikl", jump, half)
    return torch.cat([older, half], dim=2)[:, :, -T:]"""

SPECTRUM = """\
def conv_ssm_forward(W, U, b, x):
    T = x.shape[1]
    K = torch.fft.rfft(make_conv_kernel(W, T).flip(2), n=2 * T)
    v = torch.fft.rfft(x @ U.T + b, n=2 * T, dim=1)
    return torch.fft.irfft(torch.einsum("oif,nfi->nfo", K, v), n=2 * T, dim=1)[:, :T]"""

ORIGINAL_SETUP = """\
%matplotlib inline
!pip install -q einops
import time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
import matplotlib.pyplot as plt
from ipywidgets import interact
torch.manual_seed(0)"""

ORIGINAL_CONVOLUTION = """\
def conv_ssm_forward(W, U, b, x):
    N, T, D = x.shape
    H = W.shape[0]
    conv = nn.Conv1d(H, H, T, padding=T - 1, bias=False)
    conv.weight.data = make_conv_kernel(W, T).flip(-1)
    with torch.no_grad():
        u = torch.einsum('hd,ntd->nht', U, x) + b[None, :, None]
        return conv(u)[:, :, :T].permute(0, 2, 1)"""

ORIGINAL_MEASUREMENT = """\
times = []
for H in [4, 16, 64, 256]:
    W, U, b = torch.randn(H, H) * 0.05, torch.randn(H, 32) * 0.05, torch.randn(H) * 0.05
    start = time.time()
    for _ in range(200):
        conv_ssm_forward(W, U, b, torch.randn(32, 512, 32))
    times.append(time.time() - start)
plt.plot(times); plt.show()"""

ORIGINAL_WIDGET = """\
interact(lambda H: plt.imshow(torch.randn(H, H)), H=(2, 32))
print(f"max difference {largest_difference(torch.ones(3), torch.zeros(3)):.3f}")"""


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


def assignment(*cells: str) -> bytes:
    """The same, with the id that the released notebook carries."""
    made = json.loads(notebook(*cells))
    made["metadata"]["otter"] = {"assignment_name": CPU}
    return (json.dumps(made, indent=1, sort_keys=True) + "\n").encode()


def submissions() -> dict[str, bytes]:
    """The class by file name."""
    rest = (KERNEL, CONVOLUTION, COSTS)
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        info = zipfile.ZipInfo("my work/ssm_forward_final (2).ipynb", (2026, 1, 1, 0, 0, 0))
        made.writestr(info, assignment(SETUP, RECURRENCE, *rest))
    fenced = "\n\n".join(f"```python\n{code}\n```" for code in (SETUP, RECURRENCE, *rest))
    return {
        "ada_solution.ipynb": assignment(SETUP, RECURRENCE, *rest),
        "ben_fft_and_scan.ipynb": assignment(SETUP, SCAN, REVERSED_KERNEL, SPECTRUM, COSTS),
        "cai_untouched.ipynb": (ROOT / "notebooks" / f"{CPU}.ipynb").read_bytes(),
        "dee_half_done.ipynb": assignment(
            SETUP,
            RECURRENCE,
            "def make_conv_kernel(W, T):\n    ...",
            "def conv_ssm_forward(W, U, b, x):\n    K = make_conv_kernel(W, x.shape[1])\n    ...",
            "# I ran out of time here",
            COSTS,
        ),
        "eli_bias_forgotten.ipynb": assignment(
            SETUP, RECURRENCE.replace(" @ U.T + b", " @ U.T"), *rest
        ),
        "fay_transposed.ipynb": assignment(SETUP, RECURRENCE.replace("W.T", "W"), *rest),
        "gus_kernel_not_reversed.ipynb": assignment(
            SETUP, RECURRENCE, KERNEL, CONVOLUTION.replace("K.flip(2)", "K"), COSTS
        ),
        "hal_shifted.ipynb": assignment(
            SETUP,
            RECURRENCE.replace("        out.append(h)\n", "").replace(
                "        h = h", "        out.append(h)\n        h = h"
            ),
            *rest,
        ),
        "ida_endless_cell.ipynb": assignment(
            SETUP, RECURRENCE, "i = 0\nwhile i < 10:\n    x = torch.randn(i)", *rest
        ),
        "jon_exits.ipynb": assignment(SETUP, RECURRENCE, "import os\nos._exit(0)", *rest),
        "kim_not_a_notebook.ipynb": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\nScan of homework 8\n",
        "lee HW8 final-Copy1.ipynb": notebook(
            "# Homework 8, coding part",
            ORIGINAL_SETUP,
            COSTS,
            KERNEL,
            RECURRENCE,
            ORIGINAL_CONVOLUTION,
            ORIGINAL_MEASUREMENT,
            ORIGINAL_WIDGET,
        ),
        "mia.zip": archive.getvalue(),
        "noa_answers.md": f"# My answers\n\n{fenced}\n".encode(),
    }


def build(folder: Path) -> None:
    """Write the class into an empty `folder`."""
    for name, content in submissions().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    shutil.rmtree(CLASS, ignore_errors=True)
    CLASS.mkdir(parents=True)
    build(CLASS)
