"""The bundle in use: what a process imports of it, and what of it a student's code finds.

Comes in: a bundle's folder. A process works with one bundle at a time, on labkit's own modules.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path

import labkit
from autograder.bundle_files import LABKIT, added_to_labkit, data_files, own_labkit


def use_bundle(root: Path) -> None:
    """Make `solutions` importable from this bundle alone, and what it adds to `labkit`.

    The modules of another bundle, if one was used before in this process, are forgotten; labkit's
    own stay, since the engine works with them."""
    places = [str(root / "notebooks"), str(root)]
    if sys.path[:2] == places:
        return
    sys.path[:] = [*places, *(p for p in sys.path if p not in places)]
    for name in [n for n in sys.modules if n == "solutions" or n.startswith("solutions.")]:
        del sys.modules[name]
    solutions = ModuleSpec("solutions", None, is_package=True)
    solutions.submodule_search_locations = [str(root / "solutions")]
    sys.modules["solutions"] = module_from_spec(solutions)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.startswith("labkit.") and file and LABKIT not in Path(file).resolve().parents:
            del sys.modules[name]
            vars(labkit).pop(name.split(".")[1], None)
    labkit.__path__ = [str(LABKIT), str(own_labkit(root))]


def public_files(root: Path) -> dict[str, Path]:
    """What lies beside a student's notebook: labkit, and the data that notebooks read."""
    files = {"labkit": LABKIT} | {f"labkit/{p.name}": p for p in added_to_labkit(root)}
    data = {file.relative_to(root).parts[1] for file in data_files(root)}
    return files | {f"data/{name}": root / "data" / name for name in sorted(data)}
