"""What people decided, in files beside the grades: a Result as graded -> as it counts.

Written answers' scores come first (OUT/written.csv), then what instructors changed
(OUT/overrides.toml). Both are applied to whatever is shown, and kept through regrades.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder import overrides
from autograder.course import Course
from autograder.intake import Submission
from autograder.overrides import Overrides
from autograder.results import Result
from autograder.written import scores
from autograder.written.scores import Scores


@dataclass(frozen=True)
class Decisions:
    scores: Scores
    overrides: Overrides

    def apply(self, result: Result) -> Result:
        return self.overrides.apply(self.scores.apply(result))


def read(out: Path, course: Course, handed_in: Mapping[str, Collection[str]]) -> Decisions:
    """The decisions in OUT. `handed_in` are the notebooks of each submission that they may be
    about. Raises OverridesError."""
    return Decisions(
        scores.read(out, course, handed_in),
        overrides.read(out / overrides.FILE, course, handed_in),
    )


def handed_in(course: Course, submissions: Sequence[Submission]) -> dict[str, list[str]]:
    """The notebooks that each submission handed in, by its id."""
    return {s.id: [n.name for n in course.notebooks if n.name in s.notebooks] for s in submissions}
