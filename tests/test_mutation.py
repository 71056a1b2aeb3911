"""What the mutation run makes of a file (tools/mutation)."""

from pathlib import Path

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "mutation"
SOURCE = '''"""A module."""
LIMIT = 10


@decorated(1)
def largest(values: list[int], floor: int = 0) -> int:
    """The largest, of é."""
    if not values or len(values) > LIMIT:
        raise ValueError(f"{len(values) + 1} values")
    note(values)
    return max(values) if values else floor
'''
FAULTS = {
    "LIMIT = 11",
    "floor: int = 1",
    "if (not values and len(values) > LIMIT):",
    "if (values) or",
    "or (len(values) >= LIMIT):",
    "or (len(values) <= LIMIT):",
    "        pass\n    note",
    "    pass\n    return",
    "return None",
    "return max(values) if (not (values)) else floor",
}


def test_each_mutant_is_one_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOL))
    from faults import mutants

    file = tmp_path / "module.py"
    file.write_text(SOURCE, encoding="utf-8")
    sources = [mutant.source().decode() for mutant in mutants(file)]
    for source in sources:
        compile(source, "module.py", "exec")
    found = {fault for fault in FAULTS for source in sources if fault in source}
    assert found == FAULTS
    assert len(sources) == len(FAULTS)
