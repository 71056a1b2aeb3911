"""The grid of splits and codecs: attacked one after another, in a folder that goes on.

own pictures ─▶ edge ─▶ codec ─▶ decoder trained ─╮
held-out pictures ─▶ edge ─▶ codec ───────────────┴─▶ reconstructions ─▶ scores, a line a picture
"""

from collections.abc import Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from splitwire.attack.eavesdropper import Eavesdropper, check_cut, features_of
from splitwire.attack.files import DECODER, folder, png, seen_path, sent_path
from splitwire.attack.judge import Judge, compare
from splitwire.attack.lines import LINES, Head, Line, line_text, open_lines
from splitwire.attack.plan import Plan
from splitwire.attack.scores import psnr, ssim
from splitwire.calibrate.calibrator import Track, silent
from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.base import Codec
from splitwire.codecs.registry import codec
from splitwire.data.leaks import without
from splitwire.data.photos import Photo, crops, load_photos
from splitwire.disk import Lines, lock, write_whole, writing
from splitwire.errors import DataError, ModelError
from splitwire.models.load import Model, load_model
from splitwire.models.split import Split, split
from splitwire.tasks.registry import load_task


class Attack:
    """A plan with everything loaded; iterating attacks, and yields each line once it is kept.

    The folder holds attack.jsonl, the trained decoders, and what was seen as PNG.

    Args:
        plan: what to attack.
        out: the folder; made if it is not there. What it holds of the same attack is not done
            again.
        track: shows how far it is.

    Raises:
        SplitwireError: a network, cut, codec, profile or picture that cannot be had, or a folder of
            another attack, or one that cannot be written to.
    """

    def __init__(self, plan: Plan, out: Path, track: Track = silent) -> None:
        self.plan, self.out, self._track = plan, out, track
        codecs = {spec: codec(spec) for spec in plan.codecs}  # first what is quick to refuse
        self._photos = load_photos(plan.on, labelled=False)
        self._own = without(load_photos(plan.data, labelled=False), self._photos)
        if not self._own:
            raise DataError(f"all pictures of {plan.data} are among those to attack: give others")
        self.model = _loaded(plan.model, plan.weights)
        task, store = load_task(None, self.model).name, ProfileStore(*plan.profiles)
        judge = _loaded(plan.judge, plan.judge_weights) if plan.judge else self.model
        _check(self.model, judge)
        self._judge = Judge(judge)
        self.cuts: list[tuple[Split, dict[str, Codec]]] = []
        for cut in (split(self.model, at) for at in plan.splits):
            check_cut(cut)
            ready = {spec: store.codecs(cut, one, task)[0] for spec, one in codecs.items()}
            self.cuts.append((cut, ready))
        self._lock = lock(out)
        self.head = self._head(judge)
        self.found = open_lines(out / LINES, self.head)

    @property
    def total(self) -> int:
        """How many lines there will be."""
        return len(self._photos) * sum(len(codecs) for _, codecs in self.cuts)

    def __iter__(self) -> Iterator[Line]:
        asked = {(cut.at, spec) for cut, codecs in self.cuts for spec in codecs}
        yield from [line for line in self.found if (line.split, line.codec) in asked]
        with closing(Lines(self.out / LINES)) as lines:
            for cut, codecs in self.cuts:
                for line in self._at(cut, codecs):
                    lines.add(line_text(line))
                    self.found.append(line)
                    yield line

    def _head(self, judge: Model) -> Head:
        plan = self.plan
        return Head(
            model=self.model.name,
            digest=self.model.digest,
            trained=self.model.weights.trained,
            data=plan.data,
            own=len(self._own),
            on=plan.on,
            judge=judge.name,
            judge_digest=judge.digest,
            crops=plan.crops,
            steps=plan.steps,
            optimise=plan.optimise,
            seed=plan.seed,
        )

    def _at(self, cut: Split, codecs: dict[str, Codec]) -> Iterator[Line]:
        """The lines of one split that are not there yet."""
        features: NDArray[np.float32] | None = None
        before: Path | None = None
        for spec, one in codecs.items():
            known = {x.picture for x in self.found if (x.split, x.codec) == (cut.at, spec)}
            left = [photo for photo in self._photos if photo.name not in known]
            kept = folder(self.out, cut.at, spec) / DECODER
            if left:
                if features is None:
                    features = features_of(cut, self._pictures, self._track)
                spy = Eavesdropper(cut, one, self._pictures, features, self.plan.seed, self._track)
                with writing(kept.parent):
                    kept.parent.mkdir(parents=True, exist_ok=True)
                spy.learn(kept, before, self.plan.steps)
                shown = self._track(left, total=len(left), description=f"{cut.at}: attacking")
                for photo in shown:
                    yield self._line(spy, cut.at, spec, photo)
            before = kept

    def _line(self, spy: Eavesdropper, at: str, spec: str, photo: Photo) -> Line:
        picture = self.model.preprocess.picture(photo.open())
        seen, size, least = spy.attack(picture, self.plan.optimise)
        original = self._judge.look(picture)
        scores = {}
        for name, x in seen.items():
            alike = float(ssim(torch.from_numpy(picture)[None], torch.from_numpy(x)[None]))
            judged = compare(original, self._judge.look(x))
            scores[name] = {"psnr": psnr(picture, x), "ssim": alike, **judged}
            write_whole(seen_path(self.out, at, spec, photo.name, name), png(x))
        write_whole(sent_path(self.out, photo.name), png(picture))
        return Line(at, spec, photo.name, size, least, scores)

    @cached_property
    def _pictures(self) -> NDArray[np.uint8]:
        """The eavesdropper's own."""
        plan = self.plan
        made = crops(self._own, self.model.preprocess, plan.crops, plan.seed)
        shown = self._track(made, total=plan.crops, description="Own pictures")
        return np.stack([x.astype(np.uint8) for x in shown])


def _check(model: Model, judge: Model) -> None:
    if len(model.input_shape) != 4:
        raise ModelError(f"{model.name} takes no pictures, which attacks are on: name another")
    if judge.input_shape[1:2] != model.input_shape[1:2]:
        raise ModelError(
            f"{judge.name} takes other channels than {model.name}, and cannot judge its pictures"
        )


def _loaded(name: str, weights: str) -> Model:
    return load_model(name, None if weights == "none" else weights)
