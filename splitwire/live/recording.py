"""A live run on record: the same head and samples as those of `splitwire eval`.

Before the first frame the whole network is run on every picture here: that is the run's edge-only
baseline, and what divergence is measured from. Frames of a video or a camera have no such pass, and
so no divergence. A frame that fell back to the edge is a sample of edge only that says why.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from splitwire.codecs.base import Tensor
from splitwire.data.photos import Photo
from splitwire.errors import ExperimentError
from splitwire.eval.deployment import Deployment
from splitwire.eval.experiment import load_experiment
from splitwire.eval.head import describe_run
from splitwire.eval.metrics import divergence, top_k
from splitwire.eval.samples import SAMPLES, STAGES, Sample, head_line, sample_line
from splitwire.live.edge import Record, Setting
from splitwire.models.load import Model
from splitwire.models.split import cut_points

LINK = "live"
_KEPT = 5
_PREPARED = 64  # pictures held ready


class Pictures:
    """The photos of a folder as a network takes them, again and again.

    Args:
        model: whose preprocessing is used.
        photos: in the order of frames.
    """

    def __init__(self, model: Model, photos: Sequence[Photo]) -> None:
        self.photos = {photo.name: photo for photo in photos}
        self._prepare = lru_cache(_PREPARED)(
            lambda name: model.preprocess.picture(self.photos[name].open())
        )

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        return ((name, self._prepare(name)) for name in self.photos)

    def frames(self, count: int) -> Iterator[tuple[str, Tensor]]:
        """That many frames, from the beginning again after the last photo."""
        return ((name, self._prepare(name)) for name in islice(cycle(self.photos), count))


class Recording:
    """A run's folder that live frames are written to.

    Args:
        out: the folder; made if it is not there.
        model: the network.
        pictures: of known photos; None for a video or a camera.
        slowness: how many times slower than this machine the edge is to be.

    Raises:
        ExperimentError: the folder holds a run already.
    """

    def __init__(
        self, out: Path, model: Model, pictures: Pictures | None, slowness: float = 1.0
    ) -> None:
        self._path = out / SAMPLES
        self._model = model
        self._pictures = pictures
        self._references: dict[str, Tensor] = {}
        self._samples: list[Sample] = []
        if self._path.exists():
            raise ExperimentError(f"{out} holds a run already: give another --out, or delete it")
        self._measure_edge_only(slowness)

    def begin(self, settings: Sequence[Setting], source: str, link: dict[str, Any]) -> None:
        """Write the head.

        Args:
            settings: what frames may run with.
            source: where pictures come from.
            link: `rate` (bytes a second) or `trace`, and `rtt` (s).

        Raises:
            ExperimentError: the folder cannot be written to.
        """
        photos = list(self._pictures.photos.values()) if self._pictures else []
        plan = load_experiment(
            model=self._model.name,
            data=source,
            splits=list(dict.fromkeys(s.split.at for s in settings)),
            codecs=list(dict.fromkeys(s.codec for s in settings if s.codecs)),
            links=[{"name": LINK, **link}],
            edge="this",
            cloud="this",
        )
        model = self._model
        head = describe_run(plan, Deployment(model, model), cut_points(model), photos)
        used = {codec.profile.digest for s in settings for codec in s.codecs if codec.profile}
        head["data"]["calibration"] = f"profiles {', '.join(sorted(used))}" if used else None
        if not photos:
            head["data"]["evaluation"] = f"frames of {source}"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8")
        except OSError as error:
            raise ExperimentError(f"cannot write {self._path}: {error.strerror}") from error
        self._write(head_line(head))
        for sample in self._samples:
            self._write(sample_line(sample))

    def _measure_edge_only(self, slowness: float) -> None:
        """Run the whole network on every known picture, as slowly as the edge is to be."""
        for name, x in self._pictures or ():
            for _ in range(1 if self._references else 2):  # the first of all warms up
                begin = perf_counter()
                with torch.inference_mode():
                    output = self._model(torch.from_numpy(x)[None])
                seconds = slowness * (perf_counter() - begin)
            self._references[name] = logits = output[0].float().numpy()
            best = top_k(logits, _KEPT).tolist()
            sample = Sample(
                name, 0, "output", "none", "none", self._label(name), divergence=0.0,
                prediction=best, reference=best, edge=seconds,
            )  # fmt: skip
            self._samples.append(sample)

    def add(self, record: Record) -> Sample:
        """Write what became of a frame."""
        sample = self._sample(record)
        self._samples.append(sample)
        self._write(sample_line(sample))
        return sample

    def close(self) -> list[Sample]:
        """Finish the file; all samples in it."""
        self._file.close()
        return self._samples

    def _sample(self, record: Record) -> Sample:
        here = record.outcome in ("local", "fell back")
        setting, seconds = record.setting, dict(record.seconds)
        if here:
            seconds = {"edge": seconds["edge"] + seconds.get("encode", 0.0)}
        link = seconds.pop("link", None)
        reference = self._references.get(record.name)
        crossings = () if here else setting.split.crossings
        spec = "none" if here else setting.codec
        return Sample(
            photo=record.name,
            view=0,
            split="output" if here else setting.split.at,
            codec=spec,
            curve=spec,
            label=self._label(record.name),
            elements=sum(int(np.prod(c.shape)) for c in crossings),
            bytes=0 if here else record.bytes,
            divergence=self._divergence(record, reference),
            prediction=record.classes[:_KEPT].tolist(),
            reference=[] if reference is None else top_k(reference, _KEPT).tolist(),
            link={} if link is None else {LINK: link},
            error=record.reason if record.outcome == "refused" else None,
            total=record.total,
            fallback=record.reason if record.outcome == "fell back" else None,
            **{stage: seconds[stage] for stage in STAGES if stage in seconds},
        )

    def _divergence(self, record: Record, reference: Tensor | None) -> float | None:
        if reference is None or len(record.logits) < len(reference):
            return None
        logits = np.empty_like(reference)
        logits[record.classes] = record.logits
        return float(divergence(reference, logits))

    def _label(self, name: str) -> int | None:
        return self._pictures.photos[name].label if self._pictures else None

    def _write(self, line: str) -> None:
        self._file.write(line)
        self._file.flush()
