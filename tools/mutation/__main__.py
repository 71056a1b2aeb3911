"""Mutation testing: how many small faults, put into the code at random, do the tests find?

python tools/mutation map FOLDER [TESTS ...]   which lines each test runs, by coverage
python tools/mutation run FOLDER COUNT SEED    a sample of mutants against the tests of their lines

FOLDER holds the map and takes verdicts.txt, a line a mutant; a verdict that stands there is kept.
The control comes first: the same tests on the tree as it is, which must pass.
"""

import os
import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded: a process that forks has no threads

from choosing import Map
from faults import Mutant, mutants
from trials import Trial, copy_tree, judge, prepare

ROOT = Path(__file__).parents[2]
MUTATED = ("codecs", "eval", "live")
TESTS = ("codecs", "eval", "live", "calibrate", "report", "runner", "data", "tasks", "test_cli.py")
APART = ("live/test_page.py", "codecs/test_processes.py")  # in browsers, or in processes alone
MOST = 60.0  # seconds of tests that a mutant has to survive, as measured
WANTED = 0.9
HOOK = 'import os\nif "SPLITWIRE_RUNNING" in os.environ:\n    import covering\n'


def draw_map(folder: Path, *tests: str) -> None:
    with TemporaryDirectory() as scratch:
        tree = Path(scratch, "tree")
        copy_tree(ROOT, tree)
        (tree / "covering.py").write_bytes(Path(__file__).with_name("covering.py").read_bytes())
        (tree / "sitecustomize.py").write_text(HOOK)
        left_out = [f"--ignore=tests/{name}" for name in APART]
        command = ["pytest", "-p", "covering", "-n", str(os.cpu_count()), *left_out]
        about = {"PYTHONPATH": str(tree), "SPLITWIRE_COVERING": str(folder.resolve())}
        chosen = tests or [f"tests/{name}" for name in TESTS]
        done = subprocess.run(
            [*command, *chosen], cwd=tree, env={**os.environ, **about}, check=False
        )
        if done.returncode:
            print("the tests that failed judge no mutant")


def sample(count: int, seed: int) -> list[Mutant]:
    files = [path for part in MUTATED for path in sorted(Path("splitwire", part).rglob("*.py"))]
    every = [mutant for file in files for mutant in mutants(file)]
    print(f"{count} of {len(every)} mutants, seed {seed}")
    return random.Random(seed).sample(every, count)


def run(folder: Path, count: int, seed: int) -> None:
    book = folder.resolve() / "verdicts.txt"
    os.chdir(ROOT)
    book.touch()
    kept = dict(line.split("\t")[::-1] for line in book.read_text().splitlines())
    known = Map.load(book.parent)
    trials = [
        known.trial(mutant, MOST) for mutant in sample(count, seed) if str(mutant) not in kept
    ]
    with TemporaryDirectory() as scratch, _pool(Path(scratch)) as pool:
        _control(pool, known, trials)
        for verdict in pool.map(judge, trials):
            kept[str(verdict.trial.mutant)] = verdict.outcome
            with book.open("a") as file:
                file.write(f"{verdict.outcome}\t{verdict.trial.mutant}\n")
    _conclude(kept)


def _pool(scratch: Path) -> ProcessPoolExecutor:
    spawn = get_context("spawn")
    return ProcessPoolExecutor(os.cpu_count(), spawn, prepare, (ROOT, scratch))


def _control(pool: ProcessPoolExecutor, known: Map, trials: list[Trial]) -> None:
    """End the programme if a test of these trials fails on the tree as it is."""
    tests = sorted({test for trial in trials for test in trial.tests})
    verdict = pool.submit(judge, known.control(tests)).result()
    print(f"control: {len(tests)} tests, {verdict.outcome}", flush=True)
    if verdict.outcome != "survived":
        sys.exit(f"tests fail on the tree as it is:\n{verdict.said}")


def _conclude(outcomes: dict[str, str]) -> None:
    counts = Counter(outcomes.values())
    for mutant in sorted(name for name, outcome in outcomes.items() if outcome == "survived"):
        print("survived", mutant)
    share = 1 - counts["survived"] / len(outcomes)
    print(f"{share:.1%} of {len(outcomes)} found: {dict(counts)}")
    if share < WANTED:
        sys.exit(f"fewer than {WANTED:.0%}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["map", folder, *tests]:
            draw_map(Path(folder), *tests)
        case ["run", folder, count, seed]:
            run(Path(folder), int(count), int(seed))
        case _:
            sys.exit(__doc__)
