"""Work of the kind that a notebook's process does, for nobody: what it touches is worth knowing.

`autograder.sandbox.pages` learns from it which memory such a process should have before it starts.
"""

from __future__ import annotations

from typing import Any

import torch
from IPython.core.interactiveshell import InteractiveShell

from autograder.wire import decode, encode
from autograder.worker.calls import OPERATIONS, reseed
from autograder.worker.cells import run_cell

_IMPORTS = """
%matplotlib inline
import math, os, sys
from pathlib import Path
import numpy as np
import torch
import torch.nn.functional as F
import matplotlib.pyplot as plt
from torch import nn
beside = Path("labkit").is_dir()
torch.manual_seed(0)
"""
_DEFINITION = '''
def recurrence(W, b, x, kernel):
    """The states of h_{t+1} = W h_t + x_t + b, convolved with a kernel."""
    h, states = torch.zeros(x.shape[0], W.shape[0]), []
    for t in range(x.shape[1]):
        h = torch.tanh(h @ W.T + x[:, t] + b)
        states.append(h)
    H = torch.stack(states, dim=1)  # (n, T, d)
    return F.conv1d(H.transpose(1, 2), kernel) + torch.einsum("nti,ij->njt", H, W)[:, :, 1:].clone()
'''


def cells(shell: InteractiveShell) -> list[dict[str, Any]]:
    """Run cells that import and define; how they ended."""
    requests = [{"op": "cell", "source": s} for s in (_IMPORTS, _DEFINITION, "small = {2: 16}")]
    return [run_cell(shell, decode(encode(request))["source"]) for request in requests]


def calls() -> None:
    """Answer the usual requests about a function."""
    names: dict[str, Any] = {"torch": torch, "F": torch.nn.functional}
    exec(_DEFINITION, names)
    reseed()
    args = [torch.eye(3) / 2, torch.ones(3), torch.ones(2, 8, 3), torch.ones(3, 3, 2)]
    request = {"name": "recurrence", "names": ["recurrence"], "args": args, "kwargs": {}}
    for operation in ("look", "call", "call_with_arguments"):
        asked = decode(encode({"op": operation, **request}))
        encode(OPERATIONS[operation](names, asked))
