"""Submissions of mixed quality, made from a master: right, half done, broken, hostile. As many as
wanted, the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator

from autograder.benches.samples import Samples

BREAKS = {  # what people leave in a cell, and what a few of them try
    "raises": "raise ValueError('left over')",
    "no syntax": "def f(:",
    "exits": "import os\nos._exit(3)",
    "endless": "while True:\n    pass",
    "eats memory": "eaten = [bytearray(1 << 26) for _ in range(1 << 10)]",
    "leaves files": "for i in range(50):\n    open(f'/tmp/left{i}', 'w').write('x' * 9999)",
    "leaves descriptors": "left = [open('/dev/null') for _ in range(200)]",
    "leaves processes": "import subprocess\n"
    "left = [subprocess.Popen(['sleep', '1000'], start_new_session=True) for _ in range(5)]",
    "leaves threads": "import threading, time\n"
    "left = [threading.Thread(target=time.sleep, args=(1000,)) for _ in range(5)]\n"
    "for thread in left:\n    thread.start()",
}


def mixed_class(
    made: Samples, count: int, seed: int, breaks: Collection[str] = tuple(BREAKS)
) -> Iterator[tuple[str, bytes]]:
    """`count` file names and contents. Half answer everything, most of the others a part; one in
    five has something of `breaks` in it; one in twenty is no notebook."""
    draw = random.Random(seed)
    for number in range(count):
        share = draw.choice((1.0, 1.0, 0.6, 0.2))
        answered = [q for q in made.questions if draw.random() < share]
        extra = BREAKS[draw.choice(sorted(breaks))] if draw.random() < 0.2 else ""
        content = made.notebook(answered, extra)
        if draw.random() < 0.05:
            content = b"%PDF-1.7 not a notebook"
        yield f"student{number:04}.ipynb", content
