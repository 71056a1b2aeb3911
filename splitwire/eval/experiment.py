"""What an experiment is, and where it is written down.

model × task × splits × codecs × qualities × data × views × links × seed
"""

import tomllib
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict, fields
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from splitwire.codecs.registry import codec
from splitwire.codecs.spec import Spec
from splitwire.data.video import is_video_file
from splitwire.errors import ExperimentError, did_you_mean
from splitwire.models.described import Precision
from splitwire.models.preprocess import VIEWS
from splitwire.runner.link import Trace

if TYPE_CHECKING:  # which loads torch, that a recording edge may be without
    from splitwire.models.split import CutPoint

FLOAT32 = "raw:dtype=float32"
"""What every codec is measured beside: the features as they are."""

_SHARES = (0.25, 0.5, 0.75)
_STRICT = ConfigDict(extra="forbid")

Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=_STRICT)
class LinkPlan:
    """A simulated link.

    Attributes:
        name: what tables call it.
        rate: upload rate (bytes a second), unless a trace gives it.
        rtt: round-trip time (s).
        loss: share of segments lost, which TCP sends again; see runner/tcp.py.
        trace: file of `seconds bytes_a_second` lines.
    """

    name: str
    rate: Rate | None = None
    rtt: Seconds = 0.0
    loss: Share = 0.0
    trace: str | None = None

    def __post_init__(self) -> None:
        if (self.rate is None) == (self.trace is None):
            raise ExperimentError(f"the link {self.name!r} needs either a rate or a trace")

    def load(self) -> Trace:
        """Its rate over time."""
        return Trace.constant(self.rate) if self.rate else Trace.read(str(self.trace))


@dataclass(frozen=True)
class Coding:
    """One point to measure at a split: a codec, and the curve that it belongs to."""

    codec: str
    curve: str


@dataclass(frozen=True, config=_STRICT)
class Experiment:
    """What to measure. eval/default.toml and video.toml explain each field and hold its default."""

    model: str
    weights: str
    task: str
    metrics: tuple[str, ...]
    data: str
    splits: tuple[str, ...]
    codecs: tuple[str, ...]
    pictures: tuple[str, ...]
    views: Annotated[int, Field(ge=1, le=VIEWS)]
    seed: NonNegativeInt
    threads: PositiveInt
    calibration: str
    edge: str
    cloud: str
    links: tuple[LinkPlan, ...]
    limit: PositiveInt | None = None
    cloud_weights: str | None = None
    map: str | None = None
    sequence: bool = False
    frame_rate: Rate | None = None
    stride: PositiveInt = 1
    length: PositiveInt | None = None
    device: str = "cpu"
    precision: Precision = "float32"
    timed: PositiveInt = 10

    def __post_init__(self) -> None:
        names = [link.name for link in self.links]
        for name in {name for name in names if names.count(name) > 1}:
            raise ExperimentError(f"two links are called {name!r}: samples tell them by their name")
        if self.sequence and self.views > 1:
            raise ExperimentError("a clip is seen in one view: leave `views` at 1")
        if not self.sequence and (self.frame_rate, self.stride, self.length) != (None, 1, None):
            raise ExperimentError("frame_rate, stride and length are of clips: add --sequence")

    def codings(self) -> list[Coding]:
        """Every codec to run at each split: the float32 features, then the sweeps."""
        return sweep((FLOAT32, *self.codecs))

    def cloud_only(self) -> list[Coding]:
        """Every codec to send the picture itself with."""
        return sweep(self.pictures)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, by field."""
        return asdict(self)


def load_experiment(path: Path | None = None, **changes: Any) -> Experiment:
    """The default experiment with the values of a TOML file, then with those given here.

    Where one of the two says `sequence`, or a video file is the data, it is the default experiment
    on clips.

    Raises:
        ExperimentError: the file cannot be read, or a key or a value is not one of an experiment.
    """
    values = _packaged("default.toml")
    given = {} if path is None else _read(path)
    given.update({key: value for key, value in changes.items() if value is not None})
    if "sequence" not in given and is_video_file(str(given.get("data", ""))):
        given["sequence"] = True
    if given.get("sequence"):
        values.update(_packaged("video.toml"))
    if given.get("map") or given.get("model", values["model"]) != values["model"]:
        values["splits"] = ()  # the default's split points are those of the default network
    values.update(given)
    if "task" not in values and isinstance(values["model"], str):
        from splitwire.models import sources

        values["task"] = sources.task(values["model"])
    try:
        return TypeAdapter(Experiment).validate_python(values)
    except ValidationError as error:
        raise ExperimentError(f"{path or 'the experiment'}: {_first_fault(error)}") from None


def networks(path: Path | None) -> list[str]:
    """The networks of an experiment's file, of which each has a run; none where it names none.

    Raises:
        ExperimentError: the file cannot be read, or names something else.
    """
    named = {} if path is None else _read(path)
    found = named.get("model", [])
    models = found if isinstance(found, list) else [found]
    if not all(isinstance(name, str) and name for name in models):
        raise ExperimentError(f"{path}: model: a network's name, or a list of such, not {found!r}")
    return models


def sweep(specs: Iterable[str]) -> list[Coding]:
    """Specs with their sweeps written out: "jpeg:quality=50+80" is two codecs on one curve.

    A curve is called as its spec without what it sweeps. Where two sweeps of different parameters
    would have one name, each has its parameter in it: "ftc:quality=*", "ftc:target_bytes=*".

    Raises:
        CodecError: a spec that makes no codec, or that sweeps two parameters.
    """
    parsed = [Spec.parse(spec) for spec in specs]
    swept: dict[str, set[str]] = {}
    for spec in parsed:
        swept.setdefault(spec.curve, set()).update({spec.swept} if spec.swept else ())
    codings: dict[str, Coding] = {}
    for spec in parsed:
        curve = spec.curve
        if spec.swept and len(swept[curve]) > 1:
            kept = Spec.parse(curve)
            curve = str(Spec(kept.name, (*kept.settings, (spec.swept, "*"))))
        for alternative in map(str, spec.alternatives()):
            codings.setdefault(codec(alternative).spec, Coding(alternative, curve))
    return list(codings.values())


def automatic_splits(points: "Sequence[CutPoint]", worth: Container[str] = ()) -> list[str]:
    """Three cut points of a network nobody chose any for, in order of depth.

    Those modules' outputs that cross as one tensor of fewer numbers than the picture, nearest to a
    quarter, a half and three quarters of the computation. With a map, those that no earlier cut
    beats in bytes.

    Args:
        points: where it can be cut.
        worth: the nodes of the cuts that a map found worth their bytes; none without a map.

    Raises:
        ExperimentError: the network has no such cut point.
    """
    picture = points[0].elements
    good = [p for p in points if p.module and p.elements < picture and _is_one_map(p)]
    good = [p for p in good if p.node in worth] or good
    if not good:
        raise ExperimentError("no cut point sends less than the picture: name one with --split")
    chosen = {min(good, key=lambda p: abs(p.edge_share - share)).name for share in _SHARES}
    return [p.name for p in good if p.name in chosen]


def _is_one_map(point: "CutPoint") -> bool:
    return len(point.crossings) == 1 and point.crossings[0].dtype.is_floating_point


def _packaged(name: str) -> dict[str, Any]:
    return tomllib.loads((files("splitwire.eval") / name).read_text(encoding="utf-8"))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = f"mend it: {error}; eval/default.toml shows one"
        if isinstance(error, OSError):
            why = f"{error.strerror}; give a TOML file (a network: --model, pictures: --data)"
        raise ExperimentError(f"cannot read the experiment {path}: {why}") from error


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    where = ".".join(map(str, fault["loc"]))
    given, plain = fault["input"], not isinstance(fault["input"], dict)
    if fault["type"] == "tuple_type":
        as_list = f"[{given!r}]" if plain else f"[[{where}]]"
        return f"{where}: a list is wanted, as {as_list}, not {given!r}"
    if fault["type"] != "unexpected_keyword_argument":
        said = fault["msg"].replace("tuple", "list")  # which is what TOML calls it
        return f"{where}: {said[0].lower()}{said[1:]}, not {fault['input']!r}"
    known = [f.name for f in fields(LinkPlan if where.startswith("links") else Experiment)]
    hint = did_you_mean(str(fault["loc"][-1]), known) if plain else ": leave the heading out"
    return f"unknown key {where!r}{hint}; there are: {', '.join(known)}"
