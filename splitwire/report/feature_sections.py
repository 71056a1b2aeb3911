"""The sections of features: how they are distributed, what coding does to them, how many cross."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.base import Codec
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.registry import codec, decode
from splitwire.errors import ExperimentError, ProfileError, SplitwireError
from splitwire.eval.profiles import run_store
from splitwire.eval.results import Result
from splitwire.eval.samples import FEATURES
from splitwire.eval.summary import Summary
from splitwire.eval.totals import recommended, smallest
from splitwire.report import feature_plots
from splitwire.report.section import Section
from splitwire.report.units import significant, size_text
from splitwire.runner.choice import SHARED
from splitwire.tasks.registry import task_class

Features = dict[str, NDArray[Any]]


def read_features(run: Path, summary: Summary) -> Features:
    """The feature tensor of the first picture at each split, where the run kept one.

    Raises:
        ExperimentError: a file of them is damaged.
    """
    found: Features = {}
    for split in dict.fromkeys(result.split for result in summary.results if result.split):
        path = run / FEATURES / f"{split.replace('/', '_')}.npy"
        if path.is_file():
            try:
                found[split] = np.load(path, allow_pickle=False)
            except (OSError, ValueError) as error:
                raise ExperimentError(f"{path} is no feature tensor ({error})") from error
    return found


def histograms(features: Features) -> Section | None:
    """How the values are distributed, split by split."""
    if not features:
        return None
    figures = [feature_plots.histogram(x, split) for split, x in features.items()]
    said = (
        "The features of the first picture, and the normal distribution of the same mean and "
        "deviation. Shaded: mean ± 3 deviations, the default clip range of the codecs that "
        "quantise; what lies outside is clipped to its ends."
    )
    title = "What the features look like"
    if any(map(feature_plots.rectified, features.values())):
        said += " Behind a ReLU most values are zero: there the density is logarithmic."
    data = [feature_plots.histogram_rows(x) for x in features.values()]
    return Section("features", title, said, figures, data=data)


def mosaic(run: Path, summary: Summary, features: Features) -> Section | None:
    """The cheapest faithful codec on the features kept; None where it does not take them."""
    here = [r for r in recommended(summary) if r.split in features]
    chosen = smallest(here, SHARED)
    if chosen is None:
        return None
    x = features[chosen.split]
    try:
        coder = _codec(run, summary, chosen)
        stream = coder.encode(x)
        figures = feature_plots.mosaic(x, decode(stream, coder.profile))
    except SplitwireError:  # such as a profile that was moved since: the page stands without it
        return None
    elements = max(s.elements for s in summary.samples if s.choice == chosen.choice)
    first = "" if x.size == elements else " the first tensor that crosses at"
    said = (
        f"All channels of{first} {chosen.split} ({' × '.join(map(str, x.shape))}) for the first "
        f"picture, side by side, through {chosen.name}: {len(stream):,} bytes."
    )
    title = "One feature tensor, as sent and as decoded"
    return Section("mosaic", title, said, figures)


def depth(summary: Summary) -> Section | None:
    """What crosses, and what is computed by then, along the depth of the network."""
    network = summary.head.model
    figures = feature_plots.depth(network, [r.split for r in summary.results if r.split])
    if not figures:
        return None
    said = "What would cross uncoded, and the multiply-accumulates done by then, at each cut point."
    below = [point for point in network.points if point.elements < network.picture]
    if below:
        said += (
            f" The features are first smaller than the picture ({size_text(network.picture)}) at "
            f"{below[0].name}, after {significant(100 * below[0].share)} % of the computation."
        )
    title = "Along the depth of the network"
    return Section("depth", title, said, figures, data=[[asdict(p) for p in network.points]] * 2)


def _codec(run: Path, summary: Summary, chosen: Result) -> Codec:
    """The codec of a result, for the first tensor that crosses, as the run had it."""
    head, made = summary.head, codec(chosen.codec)
    if not isinstance(made, CalibratedCodec) or not made.needs_profile:
        return made
    profile = run_store(run).find(
        head.model.deployed,
        chosen.split,
        made,
        task_class(head.experiment.task).name,
        fits=lambda learnt: learnt in head.profiles.values(),
    )
    if profile is None:
        raise ProfileError(f"the profile of {chosen.label} is gone")
    return replace(made, profile=profile)
