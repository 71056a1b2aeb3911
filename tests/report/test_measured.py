"""How a run was measured, in words."""

from dataclasses import replace

import pytest

from splitwire.eval.summary import Summary
from splitwire.report.measured import measured


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ({}, None),
        ({"blocks.2": 0.0, "blocks.3": 0.0}, "give the whole network's output to the bit"),
        (
            {"blocks.2": 0.0, "blocks.3": 2.98e-8, "blocks.5": 5.96e-8},
            "differ from the whole network by its own rounding, by up to 6e-08 in the output, at "
            "blocks.5",
        ),
    ],
)
def test_it_says_how_the_halves_agree(make_run, differences, said) -> None:
    summary = Summary.open(make_run(photos=1))
    head = replace(summary.head, differences=differences)
    assert dict(measured(replace(summary, head=head))).get("halves") == said
