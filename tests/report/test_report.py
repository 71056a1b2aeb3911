import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from made_up_run import write_run
from PIL import Image

import splitwire as sw
from splitwire.calibrate.store import settings
from splitwire.codecs.profile import Provenance
from splitwire.errors import ExperimentError, TaskError
from splitwire.eval.samples import SAMPLES, Sample
from splitwire.report.page import write_report
from splitwire.report.plot_style import LIGHT
from splitwire.runner.choice import CLOUD_ONLY

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Checks that tags nest, and keeps what the page would fetch, its ids and its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.sources: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open += [] if tag in VOID else [tag]
        for name, value in attrs:
            if name == "id" and tag in ("section", "g", "svg", "figure"):
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "data", "action"):
                self.sources.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(run: Path, **options: object) -> tuple[Page, str]:
    text = write_report(run, **options).read_text(encoding="utf-8")
    return Page(text), text


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with all that a run may hold; not to be written to."""
    run = tmp_path_factory.mktemp("whole") / "run"
    return write_run(run, 5, 1, True, lambda sample: True, lambda sample: False)


@pytest.fixture(scope="module")
def whole(whole_run: Path) -> tuple[Page, str]:
    return page(whole_run)


def few(sample: Sample) -> bool:
    """Of one split, and of two codecs, where the page as such is not the question."""
    return not sample.split or (sample.split == "blocks.3" and sample.curve in ("jpeg", "raw"))


def test_the_whole_page(whole: tuple[Page, str]) -> None:
    parsed, text = whole
    sections = ["rate", "metric", "time", "stages", "says", "features", "mosaic", "depth"]
    assert parsed.ids == [*sections, "results", "bd", "measured"]
    for words in (
        "within 0.05 nats",
        "The fastest way is",
        "phone-2019",
        "torch 2.6.0",
        "5 photos",
    ):
        assert words in text


def test_it_fetches_nothing_and_runs_nothing(whole: tuple[Page, str]) -> None:
    parsed, text = whole
    assert all(source.startswith(("#", "data:")) for source in parsed.sources)
    assert not {"script", "link", "iframe"} & set(parsed.tags)
    assert "@import" not in text and not re.search(r"url\((?!#)", text)


def test_the_same_run_gives_the_same_page(whole_run: Path, whole: tuple[Page, str]) -> None:
    assert page(whole_run)[1] == whole[1]


def test_colours_follow_the_theme(whole: tuple[Page, str]) -> None:
    _, text = whole
    figures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(figures) > 15
    assert not any(colour in figure for figure in figures for colour in LIGHT.values())
    assert "prefers-color-scheme: dark" in text


def test_without_labels_nothing_speaks_of_accuracy(make_run) -> None:
    parsed, text = page(make_run(photos=3, views=2, labelled=False, keep=few))
    assert "Rate against top-1 agreement with the uncompressed network" in text
    assert "Nobody told the truth of these pictures" in text and "top1" not in text
    assert "metric" in parsed.ids and "accuracy" not in text


def test_one_photo_one_split_one_codec(make_run) -> None:
    run = make_run(photos=1, keep=lambda s: s.split == "blocks.3" and s.curve == "jpeg")
    parsed, text = page(run)
    assert {"rate", "time", "mosaic"} <= set(parsed.ids)
    assert "jpeg has no other curve of several qualities beside it." in text
    assert not re.search(r"\bnan\b", re.sub(r"data:[^\"]*", "", text), re.IGNORECASE)


def test_only_cloud(make_run) -> None:
    parsed, _ = page(make_run(photos=2, keep=lambda s: s.way == CLOUD_ONLY))
    assert "rate" in parsed.ids and "mosaic" not in parsed.ids


def test_nothing_but_failures(make_run) -> None:
    parsed, text = page(make_run(photos=2, spoil=lambda s: True))
    assert "failures" in parsed.ids and not {"rate", "metric", "time"} & set(parsed.ids)
    assert "the encoder refused a frame" in text and "nothing to compare" in text


def test_no_samples_yet(make_run) -> None:
    assert "results" in page(make_run(photos=1, keep=lambda s: False))[0].ids


def test_a_codec_that_is_gone_costs_the_mosaic_only(make_run) -> None:
    run = make_run(photos=2, keep=lambda s: s.curve == "jpeg")
    path = run / SAMPLES
    path.write_text(path.read_text(encoding="utf-8").replace('"jpeg', '"gone'), encoding="utf-8")
    parsed, _ = page(run)
    assert "mosaic" not in parsed.ids and "rate" in parsed.ids


def test_words_from_outside_stay_words(make_run) -> None:
    run = make_run(photos=2, keep=few, spoil=lambda s: s.codec == "raw:bits=8")
    path = run / SAMPLES
    text = path.read_text(encoding="utf-8").replace("the encoder", "<script>$x^2$</script>")
    path.write_text(text.replace('"lite0"', '"<b>lite</b>"'), encoding="utf-8")
    parsed, text = page(run)
    assert "script" not in parsed.tags and "&lt;script&gt;" in text


def test_damaged_features_and_a_folder_that_is_no_run(make_run, tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="holds no run"):
        write_report(tmp_path / "nowhere")
    run = make_run(photos=1)
    (run / "features" / "blocks.3.npy").write_bytes(b"garbage")
    with pytest.raises(ExperimentError, match="no feature tensor"):
        write_report(run)


def change_head(run: Path, **changes: object) -> None:
    """Write other values into the head of a run."""
    first, *rest = (run / SAMPLES).read_text(encoding="utf-8").splitlines(keepends=True)
    head = json.loads(first) | changes
    (run / SAMPLES).write_text("".join([json.dumps(head) + "\n", *rest]), encoding="utf-8")


# A head as version 0.1 wrote it before runs said what format they have.
OLD = """
{"kind": "head", "experiment": {"model": "lite0", "weights": "pretrained", "data": "samples",
"splits": ["blocks.3"], "codecs": ["jpeg"], "pictures": [], "views": 1, "seed": 0, "threads": 1,
"calibration": "scikit-image", "edge": "this", "cloud": "this", "links": [], "limit": 1,
"cloud_weights": null}, "versions": {"python": "3.11.7", "splitwire": "0.1.0"}, "hardware": {"cpu":
"Example", "cores": 2, "threads": 1, "memory": 8589934592}, "started": "2025-01-02T03:04:05+00:00",
"model": {"name": "lite0", "digest": "0123456789abcdef", "deployed": "0123456789abcdef", "macs": 1,
"picture_bytes": 150528, "points": []}, "devices": {"edge": {"name": "this", "about": "this machine,
as measured", "factor": 1.0}, "cloud": {"name": "this", "about": "this machine, as measured",
"factor": 1.0}}, "data": {"evaluation": "1 pictures (1 labelled): ImageNet photos packaged with
foolbox", "calibration": null}, "profiles": {}}
"""


def test_a_run_of_the_last_version_is_refused_in_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / SAMPLES).write_text(" ".join(OLD.split()) + "\n", encoding="utf-8")
    with pytest.raises(ExperimentError) as caught:
        write_report(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} was recorded by another version of Splitwire, whose runs this one does not "
        "read: measure it again, in another folder"
    )


def pictures(text: str) -> list[Image.Image]:
    """Those that are part of the page."""
    found = re.findall(r'<img src="data:image/jpeg;base64,([^"]*)"', text)
    assert all(len(data) < 100_000 for data in found)
    return [Image.open(BytesIO(b64decode(data))) for data in found]


def test_what_the_network_says_is_drawn_uncompressed_and_coded(whole: tuple[Page, str]) -> None:
    _, text = whole
    sizes = [drawn.size for drawn in pictures(text)]
    assert len(sizes) == 2 and all(w == 224 and h > 224 + 5 * 12 for w, h in sizes)
    says = text[text.index('id="says"') : text.index('id="features"')]
    assert "The uncompressed network" in says and re.search(
        r"Through \S+ at blocks.\d, \S+ kB", says
    )
    assert says.count("60 %; class ") == 2  # which a screen reader says


def test_without_a_faithful_codec_the_uncompressed_network_speaks_alone(make_run) -> None:
    run = make_run(photos=2, keep=lambda s: not s.split or s.codec == "raw:bits=2")
    assert len(pictures(page(run)[1])) == 1


def test_without_a_picture_nothing_is_said_of_it(make_run) -> None:
    run = make_run(photos=2, keep=few)
    (run / "picture.png").unlink()
    assert "says" not in page(run)[0].ids
    (run / "picture.png").write_bytes(b"garbage")
    with pytest.raises(ExperimentError, match=r"picture\.png is no picture that can be read"):
        write_report(run)


TASKS = """
from splitwire.tasks.classification import Classification

class Picky(Classification):
    def __init__(self, names):
        super().__init__(names)

class Clumsy(Classification):
    def draw(self, picture, prediction):
        return picture.paste(prediction["boxes"])
"""


def test_a_task_that_cannot_draw(make_run, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(TASKS, encoding="utf-8")
    run = make_run(photos=2, keep=few)
    experiment = json.loads((run / SAMPLES).read_text(encoding="utf-8").split("\n")[0])[
        "experiment"
    ]
    change_head(run, experiment=experiment | {"task": f"{tmp_path}/own.py:Picky"})
    assert "says" not in page(run)[0].ids
    change_head(run, experiment=experiment | {"task": f"{tmp_path}/own.py:Clumsy"})
    with pytest.raises(TaskError, match=r"the task classification cannot draw .*KeyError: 'boxes'"):
        write_report(run)
    change_head(run, experiment=experiment | {"task": f"{tmp_path}/gone.py:Task"})
    with pytest.raises(TaskError, match=r"there is no file .*gone\.py"):
        write_report(run)


def test_the_mosaic_is_coded_with_the_run_s_own_profile(make_run) -> None:
    run = make_run(photos=2, keep=lambda s: s.split == "blocks.5" and s.curve == "jpeg")
    path = run / SAMPLES
    path.write_text(path.read_text(encoding="utf-8").replace('"jpeg', '"ftc'), encoding="utf-8")
    random = np.random.default_rng(0)
    features = [random.normal(size=(192, 7, 7)).astype(np.float32) for _ in range(6)]
    (profile,) = [sw.codec("ftc").calibrate(features).profile]
    learnt = Provenance("lite0", "0123456789abcdef", "blocks.5", settings(sw.codec("ftc")))
    (run / "profiles").mkdir()
    assert profile is not None
    sw.Profile("ftc", profile.arrays, learnt=learnt).save(run / "profiles" / "a.profile")
    assert "mosaic" not in page(run)[0].ids  # that profile is none of those that were measured
    change_head(run, profiles={profile.digest: vars(learnt)})
    parsed, text = page(run)
    assert "mosaic" in parsed.ids and "All channels of blocks.5 (192 × 7 × 7)" in text
    (run / "profiles" / "a.profile").write_bytes(b"garbage")
    assert "mosaic" not in page(run)[0].ids
