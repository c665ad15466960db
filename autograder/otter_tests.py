"""Otter's exception-based test files, without the rest of Otter.

`import otter` loads pandas, IPython, nbconvert and a thousand modules more: two seconds, and 85 MB
for as long as there is grading. What reads and runs test files needs none of them. So where Otter
was not imported, its two packages are there without having run their `__init__` while these classes
are imported, and while a test file is read: each begins with `from otter.test_files import
test_case`. Afterwards Otter can be imported as ever, with the same classes in it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec
from types import ModuleType

_PACKAGES = ("otter", "otter.test_files")
_one_at_a_time = threading.RLock()


@contextmanager
def light_otter() -> Iterator[None]:
    """Within, `from otter.test_files import test_case` loads nothing. No other thread may import
    Otter meanwhile. A module of its name that is no package, such as notebooks get in grading, is
    put aside."""
    with _one_at_a_time:
        missing = [n for n in _PACKAGES if not hasattr(sys.modules.get(n), "__path__")]
        stand_ins = {name: sys.modules.pop(name) for name in missing if name in sys.modules}
        try:
            for name in missing:
                sys.modules[name] = _not_run(name)
            from otter.test_files import exception_test

            sys.modules["otter.test_files"].test_case = exception_test.test_case  # type: ignore[attr-defined]
            yield
        finally:
            for name in missing:
                sys.modules.pop(name, None)
            sys.modules.update(stand_ins)


def _not_run(package: str) -> ModuleType:
    """An installed package that finds its modules, and has nothing in it."""
    spec = find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    return module_from_spec(spec)


with light_otter():
    from otter.test_files.abstract_test import TestCase, TestCaseResult
    from otter.test_files.exception_test import ExceptionTestFile

__all__ = ["ExceptionTestFile", "TestCase", "TestCaseResult", "light_otter"]
