"""What holds for the C core as a whole."""

import re
import subprocess
from pathlib import Path

import pytest
from native import ROOT, built, compiler

FILES = [*ROOT.glob("core/**/*.[ch]"), ROOT / "include/splitwire.h", ROOT / "examples/edge.c"]


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_no_function_is_longer_than_forty_lines(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for body in re.findall(r"^\{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
        assert body.count("\n") + 2 <= 40, body
    assert text.count("\n") <= 250


def test_the_core_takes_nothing_but_memory_from_a_library() -> None:
    """No allocation, no mathematics, no input or output."""
    listed = subprocess.run(["nm", "-D", "-u", built()], capture_output=True, text=True, check=True)
    names = {line.split()[-1] for line in listed.stdout.splitlines() if " U " in line}
    assert {name for name in names if not name.startswith(("mem", "str"))} == set()


def test_the_header_is_one_of_cxx_as_well(tmp_path: Path) -> None:
    (tmp_path / "use.cc").write_text('#include "splitwire.h"\nint main() { return SW_OK; }\n')
    command = [compiler(), "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}", "-fsyntax-only"]
    done = subprocess.run([*command, tmp_path / "use.cc"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_document_names_every_function() -> None:
    header = (ROOT / "include/splitwire.h").read_text(encoding="utf-8")
    names = set(re.findall(r"^SW_API .*?(sw_\w+)\(", header, re.MULTILINE))
    assert len(names) == 9
    document = (ROOT / "docs/c.md").read_text(encoding="utf-8")
    assert {name for name in names if f"`{name}`" not in document} == set()
