from pathlib import Path

import numpy as np
import pytest

import splitwire as sw
from splitwire.errors import CodecError, DataError, ExperimentError
from splitwire.eval.experiment import (
    Coding,
    Experiment,
    LinkPlan,
    automatic_splits,
    load_experiment,
    networks,
    sweep,
)
from splitwire.eval.spelling import spell_out

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def written(folder: Path, text: str) -> Path:
    file = folder / "experiment.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_default_is_the_demonstration() -> None:
    experiment = load_experiment()
    assert experiment.model == "lite0"
    assert experiment.splits == ("blocks.2", "blocks.3", "blocks.5")
    assert experiment.links[0] == LinkPlan("3 MB/s", rate=3e6, rtt=0.005)
    assert experiment.limit is None
    curves = {coding.curve.partition(":clip")[0] for coding in experiment.codings()}
    assert curves == {
        "raw:dtype=float32",
        "raw",
        "rans",
        "ecsq",
        "ftc",
        "learned",
        "png",
        "jpeg",
        "h264",
        "hevc",
        "av1",
    }
    assert {coding.curve for coding in experiment.cloud_only()} == {
        "picture:format=png",
        "picture:format=jpeg",
        "picture:format=webp",
        "picture:format=avif",
    }


def test_a_file_overrides_the_default_and_the_call_overrides_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'views = 3\nlimit = 5\ncodecs = ["png"]')
    experiment = load_experiment(file, views=2, seed=None)
    assert (experiment.views, experiment.limit, experiment.codecs) == (2, 5, ("png",))
    assert experiment.seed == load_experiment().seed


def test_another_network_gets_splits_of_its_own(tmp_path: Path) -> None:
    other = "torchvision:resnet34"
    named = written(tmp_path, f'model = "{other}"')
    for experiment in (load_experiment(model=other), load_experiment(named)):
        assert experiment.splits == ()
    assert load_experiment(named, splits=["layer2"]).splits == ("layer2",)
    assert load_experiment(model="lite0").splits == load_experiment().splits
    both = written(tmp_path, f'model = "{other}"\nsplits = ["layer1"]')
    assert load_experiment(both).splits == ("layer1",)


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("lite0", "classification"),
        ("nanodet", "detection"),
        ("torchvision:fcn_resnet50", "segmentation"),
        ("torchvision:resnet18", "classification"),
    ],
)
def test_the_network_says_which_task_it_is_for(model: str, task: str) -> None:
    assert load_experiment(model=model).task == task
    assert load_experiment(model=model, task="embedding").task == "embedding"


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_packaged_experiments_name_what_there_is(path: Path) -> None:
    plan = load_experiment(path)
    assert plan.codings() and plan.cloud_only()
    assert plan.task == load_experiment(model=plan.model).task


def test_automatic_splits_are_three_smaller_than_the_picture(lite0: sw.Model) -> None:
    points = sw.cut_points(lite0)
    chosen = [point for point in points if point.name in automatic_splits(points)]
    shares = [point.edge_share for point in chosen]
    assert shares == pytest.approx([0.25, 0.5, 0.75], abs=0.1)
    assert all(point.elements < points[0].elements for point in chosen)


def test_a_network_that_never_shrinks_the_picture_needs_splits_by_name(lite0: sw.Model) -> None:
    points = sw.cut_points(lite0)
    large = [point for point in points if point.elements >= points[0].elements]
    with pytest.raises(ExperimentError, match="name one with --split"):
        automatic_splits(large)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modle = 'lite0'", "unknown key 'modle' (did you mean 'model'?); there are: model,"),
        ("[[links]]\nname = 'a'\nrat = 3", "unknown key 'links.0.rat' (did you mean 'rate'?)"),
        ("views = 'many'", "views: input should be a valid integer"),
        ("views = 11", "views: input should be less than or equal to 10, not 11"),
        ("limit = 0", "limit: input should be greater than 0, not 0"),
        ("seed = -1", "seed: input should be greater than or equal to 0, not -1"),
        ("codecs = 'raw'", "codecs: a list is wanted, as ['raw'], not 'raw'"),
        ("codecs = [3]", "codecs.0: input should be a valid string, not 3"),
        ("model = []", "model: input should be a valid string"),
        ("links = [3]", "links.0: input should be a dictionary"),
        ("[[links]]\nrate = 3", "links.0.name: field required"),
        ("[[links]]\nname = 'a'", "the link 'a' needs either a rate or a trace"),
        ("[[links]]\nname = 'a'\nrate = 1\ntrace = 'b'", "either a rate or a trace"),
        ("[[links]]\nname = 'a'\nrate = 0", "links.0.rate: input should be greater than 0"),
        ("[[links]]\nname = 'a'\nrate = nan", "links.0.rate: input should be"),
        ("[[links]]\nname = 'a'\nrate = 1\nrtt = -1", "links.0.rtt"),
        ("[[links]]\nname = 'a'\nrate = 1\nloss = 1", "links.0.loss: input should be less than 1"),
        ("links = [{name = 'a', rate = 1}, {name = 'a', rate = 2}]", "two links are called 'a'"),
        ("views = ", "cannot read the experiment"),
        ("views = 1\nviews = 2", "cannot read the experiment"),
    ],
)
def test_a_file_that_is_wrong_says_where_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        load_experiment(written(tmp_path, text))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("named", ["7", "[7]", '[""]', "{}"])
def test_what_is_no_network_s_name_is_refused(tmp_path: Path, named: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(f"model = {named}")
    with pytest.raises(ExperimentError, match="model: a network's name, or a list of such, not"):
        networks(path)


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "missing.toml", tmp_path, tmp_path / "binary.toml"):
        with pytest.raises(ExperimentError, match="cannot read the experiment"):
            load_experiment(path)


def test_a_sweep_is_a_codec_for_each_value_on_one_curve() -> None:
    assert sweep(["jpeg:quality=50+80"]) == [
        Coding("jpeg:quality=50", "jpeg"),
        Coding("jpeg:quality=80", "jpeg"),
    ]


def test_a_curve_keeps_the_parameters_that_are_not_swept() -> None:
    assert sweep(["h264:preset=fast,qp=20+30,clip=2sd"]) == [
        Coding("h264:preset=fast,qp=20,clip=2sd", "h264:preset=fast,clip=2sd"),
        Coding("h264:preset=fast,qp=30,clip=2sd", "h264:preset=fast,clip=2sd"),
    ]
    assert sweep(["raw:bits=4"]) == [Coding("raw:bits=4", "raw:bits=4")]


def test_the_same_codec_is_measured_once() -> None:
    twice = sweep(["jpeg:quality=75+80+75", "jpeg", "jpeg:clip=3sd,quality=80"])
    assert [coding.codec for coding in twice] == ["jpeg:quality=75", "jpeg:quality=80"]
    codings = load_experiment(codecs=["raw:dtype=float32", "png"]).codings()
    assert [coding.codec for coding in codings] == ["raw:dtype=float32", "png"]


def test_two_parameters_cannot_be_swept_at_once() -> None:
    with pytest.raises(CodecError, match="sweeps bits and clip: one a curve"):
        sweep(["raw:bits=4+8,clip=2sd+3sd"])


def test_profiles_sweep_too_unless_the_plus_is_in_a_file_s_name(tmp_path: Path) -> None:
    profile = sw.Profile("raw", {key: np.float32([at]) for at, key in enumerate(("lo", "hi"))})
    paths = [profile.save(tmp_path / name).path for name in ("a", "b", "a+b")]
    swept = sweep([f"raw:bits=4,profile={paths[0]}+{paths[1]}"])
    assert [c.codec for c in swept] == [f"raw:bits=4,profile={path}" for path in paths[:2]]
    assert {c.curve for c in swept} == {"raw:bits=4"}
    assert len(sweep([f"raw:bits=4,profile={paths[2]}"])) == 1


def test_a_sweep_may_be_longer_than_a_file_s_name() -> None:
    assert len(sweep(["jpeg:quality=" + "+".join(map(str, range(1, 101)))])) == 100


@pytest.mark.parametrize("spec", ["jpg:quality=50+80", "jpeg:quality=50+", "jpeg:qualty=5", ""])
def test_a_sweep_of_no_codec_is_refused(spec: str) -> None:
    with pytest.raises(CodecError):
        sweep([spec])


def test_a_link_loads_its_rate_or_its_trace(tmp_path: Path) -> None:
    assert LinkPlan("a", rate=5.0).load().rates == (5.0,)
    (tmp_path / "trace").write_text("1 2\n3 4\n", encoding="utf-8")
    assert LinkPlan("a", trace=str(tmp_path / "trace")).load().rates == (2.0, 4.0)
    with pytest.raises(DataError, match="cannot read the trace"):
        LinkPlan("a", trace=str(tmp_path / "missing")).load()


def test_an_experiment_is_a_value() -> None:
    assert load_experiment() == load_experiment()
    assert hash(load_experiment()) == hash(load_experiment())
    assert load_experiment(views=2) != load_experiment()
    assert Experiment(**load_experiment().as_dict()) == load_experiment()


def test_sweeps_of_two_parameters_are_two_curves() -> None:
    """Merged into one, qualities and byte targets would make a curve of neither."""
    specs = ("ftc:quality=40+50", "ftc:target_bytes=900+1800", "jpeg:quality=20+50", "ftc")
    curves = {coding.codec: coding.curve for coding in sweep(specs)}
    assert curves["ftc:quality=40"] == "ftc:quality=*"
    assert curves["ftc:target_bytes=900"] == "ftc:target_bytes=*"
    assert curves["jpeg:quality=20"] == "jpeg"
    told = spell_out(curves.items())
    assert told["ftc:quality=50"] == "ftc:quality=50"
    assert told["ftc:target_bytes=900"] == "ftc:target_bytes=900"
