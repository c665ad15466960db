"""Problem text that pastes intact: a notebook's questions as one Markdown file.

Comes in: a student notebook, as it is released. Goes out: its text and its cells to fill in, in
order, with formulas in LaTeX and as plain lines. Figures, hints and checks stay in the notebook.
Answers may be written into the code blocks: the file is then a submission like any other.
"""

from __future__ import annotations

import re

from nbformat import NotebookNode

_COMMENT = re.compile(r"<!-- (BEGIN|END) QUESTION -->\s*")
_ANSWER = "otter_answer_cell"  # Otter's tag for a cell that students fill in


def problem_text(notebook: NotebookNode) -> str:
    """The introduction, and each question with its cells to fill in, as Markdown.

    notebook  as `release.assign` writes it, where a question's cells are called after it
    """
    cells = list(notebook.cells)
    blocks = [_COMMENT.sub("", cells[0].source).strip()]
    for cell in cells[1:]:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and _ANSWER in tags:
            blocks.append(f"```python\n{cell.source}\n```")
        elif cell.cell_type == "markdown" and _of_a_question(cell) and _ANSWER not in tags:
            blocks.append(_COMMENT.sub("", cell.source).strip())
    return "\n\n".join(blocks) + "\n"


def minutes(text: str) -> int:
    """How long the questions of a problem text take in all, by what each says of itself."""
    return sum(map(int, re.findall(r"· about (\d+) minutes?$", text, re.MULTILINE)))


def _of_a_question(cell: NotebookNode) -> bool:
    return not cell.id.startswith("text-")
