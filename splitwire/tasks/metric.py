"""A metric: what is noted of each picture, and what a set of pictures makes of that.

    reference, output, truth ─▶ measure ─▶ a statistic a picture ─▶ estimate ─▶ one number

Most metrics are means over pictures. Those that are not (a mean average precision counts hits over
the whole set) note what they need of each picture, and bring an `estimate` of their own: an
interval is then a bootstrap of those statistics, and not of means.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.errors import TaskError
from splitwire.userfile import load

Floats = NDArray[np.float64]
Estimator = Callable[[Sequence[Any], Floats], Floats]


def mean(statistics: Sequence[Any], weights: Floats) -> Floats:
    """The mean of n numbers under each row of weights (resamples, n): shape (resamples,)."""
    return np.asarray(weights @ np.asarray(statistics, np.float64) / weights.sum(axis=1))


@dataclass(frozen=True)
class Metric:
    """One column of a table.

    Attributes:
        name: its heading, and its key in samples.
        about: what it is, in words.
        measure: the statistic of one picture, of values that JSON has: called with the outputs of
            the uncompressed and of the coded network, and with the picture's truth (None where
            nobody knows it). None where there is nothing to be said of that picture.
        estimate: from the statistics of n pictures and weights (resamples, n), how often each
            picture was drawn, to shape (resamples,).
        share: whether it is a share, 0 to 1, and shown in percent.
        by_truth: whether it judges by the truth, and not by the uncompressed network.
    """

    name: str
    about: str
    measure: Callable[[Any, Any, Any], Any]
    estimate: Estimator = mean
    share: bool = False
    by_truth: bool = False


def load_metric(name: str) -> Metric:
    """A metric of a user's own: `path/to/file.py:NAME`, a function as `measure` or a `Metric`.

    Raises:
        TaskError: there is no such file or name, or it is neither.
    """
    found = load(name, TaskError)
    if isinstance(found, Metric):
        return found
    if not callable(found):
        raise TaskError(f"{name} is neither a function of (reference, output, truth) nor a Metric")
    title = getattr(found, "__name__", "metric").replace("_", " ")
    first, *rest = (found.__doc__ or title).strip().split("\n")[0].rstrip(".").split(" ")
    # A sentence becomes a part of others: "The error" begins small, "F1" and "IoU" do not.
    return Metric(title, " ".join([first.lower() if first[1:].islower() else first, *rest]), found)
