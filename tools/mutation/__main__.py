"""Mutation testing: how many small faults, put into the code at random, do the tests find?

python tools/mutation map FOLDER [TESTS ...]   which lines each test runs, by coverage
python tools/mutation run FOLDER COUNT SEED    a sample of mutants against the tests of their lines

FOLDER holds the map and takes verdicts.txt, a line a mutant; a verdict that stands there is kept.
The control: a test that finds a fault must find it again, and pass without it.
"""

import os
import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded: a process that forks has no threads

from choosing import Map
from faults import Mutant, mutants
from trials import copy_tree, judge, prepare

ROOT = Path(__file__).parents[2]
MUTATED = ("codecs", "eval", "live")
LEFT_OUT = ("compressai.py",)  # whose extra takes an older NumPy
TESTS = (
    "codecs",
    "eval",
    "live",
    "calibrate",
    "report",
    "runner",
    "data",
    "tasks",
    "train",
    "test_cli.py",
)
APART = ("live/test_page.py", "codecs/test_processes.py")  # in browsers, or in processes alone
MOST = 150.0  # seconds of tests that a mutant has to survive, as measured
WANTED = 0.9
WORKERS = 2 * (os.cpu_count() or 1)  # they wait a good deal, for clouds that say nothing any more
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
    every = [mutant for file in files if file.name not in LEFT_OUT for mutant in mutants(file)]
    print(f"{count} of {len(every)} mutants, seed {seed}")
    return random.Random(seed).sample(every, count)


def run(folder: Path, count: int, seed: int) -> None:
    book = folder.resolve() / "verdicts.txt"
    book.touch()
    os.chdir(ROOT)
    kept = dict(line.split("\t")[1::-1] for line in book.read_text().splitlines())
    chosen = sample(count, seed)
    known = Map.load(book.parent)
    trials = [known.trial(mutant, MOST) for mutant in chosen if str(mutant) not in kept]
    spawn = get_context("spawn")
    with (
        TemporaryDirectory() as scratch,
        ProcessPoolExecutor(WORKERS, spawn, prepare, (ROOT, Path(scratch))) as pool,
    ):
        for done in as_completed([pool.submit(judge, trial) for trial in trials]):
            verdict = done.result()
            kept[str(verdict.mutant)] = verdict.outcome
            with book.open("a") as file:
                file.write(f"{verdict.outcome}\t{verdict.mutant}\t{verdict.test}\n")
    _conclude({str(mutant): kept[str(mutant)] for mutant in chosen})


def _conclude(outcomes: dict[str, str]) -> None:
    left = [mutant for mutant, outcome in outcomes.items() if outcome in ("survived", "unclear")]
    print(*sorted(left), sep="\n")
    share = 1 - len(left) / len(outcomes)
    print(f"{share:.1%} of {len(outcomes)} found: {dict(Counter(outcomes.values()))}")
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
