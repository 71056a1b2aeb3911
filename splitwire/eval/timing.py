"""The timing pass: every choice on a few pictures, one after another, with nothing beside it.

How long a stage takes hardly depends on the picture, so a few tell it; `timed` of an experiment
says how many. What is measured is the whole line of `runner.local.infer`, warmed up.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from splitwire.errors import DataError
from splitwire.eval.gauge import Gauge
from splitwire.eval.samples import Time
from splitwire.models.load import Model
from splitwire.runner.choice import Choice, Key

if TYPE_CHECKING:
    from splitwire.eval.sequences import Sequences
    from splitwire.eval.stills import Stills

Known = dict[Key, set[tuple[str, int]]]
"""The pictures, and their views, on which each choice was timed."""


def times(
    choices: Mapping[Choice, str],
    pictures: "Stills | Sequences",
    model: Model,
    gauge: Gauge,
    known: Known,
) -> Iterator[Time]:
    """What is missing, as it is measured; `known` grows by it."""
    cold = set(choices)
    count = pictures.timed
    for place in pictures.to_time():
        due = [choice for choice in choices if len(known.get(choice.key, ())) < count]
        try:
            views = pictures.views(place, model, gauge.task)[:count] if due else []
        except DataError:  # its samples say so
            continue
        for choice in due:
            way = pictures.way(choice, choices[choice])
            if choice in cold:  # the first run of anything pays for caches and allocations
                gauge.timed(way, views[0])
                way = pictures.way(choice, choices[choice])
                cold.remove(choice)
            for view in views:
                time, seen = gauge.timed(way, view), known.setdefault(choice.key, set())
                if (time.photo, time.view) not in seen:
                    seen.add((time.photo, time.view))
                    yield time
