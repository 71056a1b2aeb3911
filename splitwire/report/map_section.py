"""The section of the map of all cuts, where the run was given one."""

from dataclasses import asdict
from pathlib import Path

from splitwire.eval.map_choice import Conditions
from splitwire.eval.map_file import read_map
from splitwire.eval.samples import MAP
from splitwire.eval.summary import Summary
from splitwire.report.map_plot import network_map
from splitwire.report.section import Section


def all_cuts(run: Path, summary: Summary) -> Section | None:
    """Bytes, time and memory at every cut, over the run's first link; None without a map.

    Raises:
        ExperimentError: the map is damaged.
    """
    if not (path := run / MAP).exists():
        return None
    head, cuts = read_map(path)
    about, links = summary.head, summary.head.experiment.links
    rate = links[0].load().rates[0] if links else Conditions.rate
    factors = about.edge.factor, about.cloud.factor
    at = Conditions(rate, about.path.rtt, *factors, watts=about.edge.watts)
    said = (
        f"What would cross at each of {len(cuts)} cuts, told from one calibration and not coded. "
        "Large marks: the fastest cut by what is sent. Dots: cuts that no other beats in bytes, "
        "time and energy. Lines down: maps get smaller there."
    )
    figure = network_map(head, cuts, at)
    return Section("map", "All cuts", said, [figure], data=[[asdict(cut) for cut in cuts]])
