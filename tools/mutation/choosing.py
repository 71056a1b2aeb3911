"""Which tests a mutant has to survive: those of its line, and then those of its file."""

import ast
import json
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from faults import Mutant
from trials import Trial

START = 10.0  # seconds that a process takes until it does something


@dataclass(frozen=True)
class Map:
    """What is known of the tests.

    Args:
        seconds: that each takes.
        starts: the fixtures of each that start a process.
        lines: the tests of each line of each file; none where imports alone run it.
    """

    seconds: dict[str, float]
    starts: dict[str, set[str]]
    lines: dict[str, dict[int, set[str]]]

    @classmethod
    def load(cls, folder: Path) -> "Map":
        """Put together what processes wrote (covering.py)."""
        found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
        seconds: dict[str, float] = {}
        users = defaultdict(set)
        for part in found:
            seconds |= part["seconds"]
            for test, fixtures in part["fixtures"].items():
                for fixture in fixtures:
                    users[fixture].add(test)
        lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for part in found:
            for file, of_file in part["lines"].items():
                for line, runners in of_file.items():
                    tests = set().union(*(users.get(runner, {runner}) for runner in runners))
                    lines[file][int(line)] |= tests & seconds.keys()
        processes = [part["lines"].values() for part in found if not part["seconds"]]
        starting = {
            name for of in processes for lines in of for run in lines.values() for name in run
        }
        starts = {test: {f for f in users if test in users[f]} & starting for test in seconds}
        return cls(seconds, starts, lines)

    def trial(self, mutant: Mutant, most: float) -> Trial:
        """The tests of a mutant's line, the quickest first, then the others of its file.

        Args:
            mutant: what they have to find.
            most: seconds that they may take together, as measured.
        """
        of_file = self.lines.get(str(mutant.file), {})
        others = set().union(*of_file.values())
        known = sorted(of_file)
        at = bisect_right(known, mutant.line)
        near = of_file[known[at - 1]] if at and _in_function(mutant) else set()
        chosen: list[str] = []
        spent, started = 0.0, set[str]()
        for group in (near, others - near):
            for test in sorted(group, key=lambda test: (self._cost(test, set()), test)):
                cost = self._cost(test, started)
                if spent + cost < most:
                    spent += cost
                    started |= self.starts[test]
                    chosen.append(test)
        return Trial(mutant, tuple(chosen), spent)

    def _cost(self, test: str, started: set[str]) -> float:
        return self.seconds[test] + START * len(self.starts[test] - started)


def _in_function(mutant: Mutant) -> bool:
    """Whether its line runs when a function is called, and not when the module is imported."""
    return any(
        node.body[0].lineno <= mutant.line <= (node.end_lineno or 0)
        for node in ast.walk(ast.parse(mutant.file.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
