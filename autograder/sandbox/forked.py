"""Some work done in a fork of this process, which hands back what came of it and is gone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from autograder.sandbox import kernel


def forked(work: Callable[[], object]) -> Any:
    """What `work` returns, which JSON must be able to say; None where it raised or ended."""
    ours, theirs = os.pipe()
    child = kernel.fork()
    if child == 0:
        try:
            with suppress(Exception), os.fdopen(theirs, "w") as pipe:
                json.dump(work(), pipe)
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return json.loads(said) if said else None
