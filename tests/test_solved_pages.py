"""Solved notebooks run to their end, or it is said where they stopped; none waits for ever."""

from __future__ import annotations

import asyncio
import select
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from autograder import solved_pages
from autograder.notebook import CourseError


def notebook(*sources: str) -> NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])


def test_a_reply_whose_wake_up_a_message_to_a_widget_used_up_is_found() -> None:
    def sent(cell: NotebookNode, cell_index: int) -> None:
        asyncio.get_running_loop().call_later(0.3, send_another)  # when the client waits

    def send_another() -> None:
        arrived.extend(select.select([client.kc.shell_channel.socket.FD], [], [], 60)[0])
        client.kc.shell_channel.send(client.kc.session.msg("comm_info_request"))

    arrived: list[int] = []
    said = notebook("import time; time.sleep(1.5); print('said')")
    client = solved_pages.PatientClient(
        said, kernel_name="python3", timeout=600, on_cell_complete=sent
    )
    asyncio.run(asyncio.wait_for(client.async_execute(stderr=subprocess.DEVNULL), 60))
    assert arrived, "nothing came while another message was sent"
    assert said.cells[0].outputs[0].text == "said\n"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import time; time.sleep(600)", "timed out"),
        ("import os; os._exit(1)", "Kernel died"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_notebook_that_stops_is_named_with_its_cell(
    tmp_path: Path, source: str, why: str
) -> None:
    stops = notebook("1", source, "2")
    with pytest.raises(CourseError, match=rf"(?s)the solved q_x .* to cell 2: .*{why}"):
        solved_pages.run("q_x", stops, tmp_path, seconds=3)


def test_a_kernel_that_does_not_start_is_named_with_its_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit(1)")
    with pytest.raises(CourseError, match=r"the solved q_x .* to the start of its kernel: "):
        solved_pages.run("q_x", notebook("1"), tmp_path, [tmp_path])
