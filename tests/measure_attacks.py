"""Measure the table of docs/security.md: what each attack gets, at each level and with stock Otter.

    python -m tests.measure_attacks [--levels namespaces landlock uid] [--otter] [--only NAME...]
                                    [--json FILE]

Under stock Otter an attack runs in the grader's own kernel with nothing between it and the machine.
So only those are run that harm no machine (`safe`), without a network, each with a time limit after
which its whole group of processes is killed; the others are "not run". The zip is what `otter
assign` makes of the same master, without the plugin that seals it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import jupytext
import nbformat

from autograder import course as courses
from autograder import intake, masters, reports
from autograder.grading import Grader, public_files
from autograder.otter_zip import with_config
from autograder.sandbox.pool import Pool
from tests import confined, traces
from tests.hostile import Attack, attacks
from tests.test_hostile import CPU, LIMITS, ROOT

OTTER_SECONDS = 240  # stock Otter takes 11 for a notebook that does nothing, on an idle machine


def verdict(score: float, honest: float, seen: str, left: Iterable[str]) -> str:
    """What an attack got, in words; "stopped" where it got nothing."""
    got = []
    if score > honest + 1e-9:
        got.append(f"scored {score:g} for {honest:g}")
    if "FOUND" in seen:
        got.append("learnt something")
    if list(left):
        got.append("left something")
    return ", ".join(got) or "stopped"


def at_level(level: str, chosen: list[Attack]) -> dict[str, str]:
    """Each attack's verdict in our sandbox."""
    course = courses.load(ROOT)
    only = tuple(n for n in course.notebooks if n.name == CPU)
    course = replace(course, limits=LIMITS, notebooks=only)
    found = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        Pool(level, public_files(ROOT), LIMITS) as pool,  # type: ignore[arg-type]
    ):
        grader = Grader(course, pool)
        for attack in chosen:
            path = Path(folder) / "submission.py"
            path.write_text(attack.source, "utf-8", errors="surrogatepass")
            (submission,) = intake.read([path], course, CPU).submissions
            result = grader.grade(submission)
            results = reports.results_json(result, course)
            del results["extra_data"]
            seen = json.dumps(results) + reports.feedback_page(result, course)
            left = [*traces.processes(pool.users), *traces.files(pool.users)]
            found[attack.name] = verdict(result.score, attack.honest, seen, left)
            print(level, attack.name, found[attack.name], flush=True)
    return found


def stock_zip(folder: Path) -> Path:
    """What `otter assign` makes of the CPU notebook's master, with nothing of ours around it."""
    from otter import assign

    master = masters.read(ROOT / "solutions" / f"{CPU}.py")
    notebook = folder / f"{CPU}.ipynb"
    nbformat.write(with_config(master.content, {"run_tests": False}), notebook)
    assign.main(str(notebook), str(folder / "out"), no_pdfs=True, no_run_tests=True)
    (made,) = (folder / "out" / "autograder").glob("*-autograder_*.zip")
    return made


# In namespaces of its own: no network but loopback, which Jupyter's kernels talk over (ioctl
# 0x8914 sets a device's flags; 1 is "up"), an empty /tmp, and nothing that outlives
# the last line.
_ALONE = """
python3 -c "
import fcntl, socket, struct
line = socket.socket()
fcntl.ioctl(line, 0x8914, struct.pack('16sh', b'lo', 1))
"
mount -t tmpfs none /tmp && cp submission.ipynb /tmp/ && cd /tmp
"$1" run --no-logo -a "$2" -o "$3" submission.ipynb > "$3/said" 2>&1
sleep 1
for p in /proc/[0-9]*; do
  case "$(tr '\\0' ' ' < $p/cmdline 2>/dev/null)" in
    ''|*measure-alone*) ;; *) echo "process $p" ;;
  esac
done > "$3/left"
ls -d /tmp/FOUND* >> "$3/left" 2>/dev/null
true
"""


def under_stock_otter(chosen: list[Attack]) -> dict[str, str]:
    """Each safe attack's verdict under `otter run`."""
    found = {}
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name).resolve()
        zipped = stock_zip(folder)
        for attack in chosen:
            found[attack.name] = "not run"
            if attack.safe:
                found[attack.name] = _stock_verdict(attack, zipped, folder / attack.name)
            print("otter", attack.name, found[attack.name], flush=True)
    return found


def _stock_verdict(attack: Attack, zipped: Path, folder: Path) -> str:
    folder.mkdir()
    nbformat.write(jupytext.reads(attack.source, "py:percent"), folder / "submission.ipynb")
    alone = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    script = ["bash", "-c", _ALONE, "measure-alone", Path(sys.executable).with_name("otter")]
    process = subprocess.Popen(
        [*alone, *script, zipped, folder],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'notebooks'}", "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(OTTER_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no result in {OTTER_SECONDS} s"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    try:
        text = (folder / "results.json").read_text()
        score = sum(float(test.get("score") or 0) for test in json.loads(text)["tests"])
    except (OSError, ValueError, KeyError, TypeError):
        return "no result"
    left = (folder / "left").read_text().split("\n")
    return verdict(score, attack.honest, text, filter(None, left))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", nargs="*", default=[])
    parser.add_argument("--otter", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--json", type=Path, default=Path("attacks.json"))
    asked = parser.parse_args()
    confined.open_python()
    chosen = [attack for attack in attacks() if not asked.only or attack.name in asked.only]
    columns = {level: at_level(level, chosen) for level in asked.levels}
    if asked.otter:
        columns["otter"] = under_stock_otter(chosen)
    rows = [
        {"attack": a.name, "topic": a.topic, "aim": a.aim}
        | {column: found[a.name] for column, found in columns.items()}
        for a in chosen
    ]
    asked.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
