"""What is said first is measured on other photos than it was chosen on."""

from dataclasses import replace

import pytest

from splitwire.eval.delta_rates import Drawn
from splitwire.eval.headline import Headline, headline
from splitwire.eval.results import summarise
from splitwire.eval.samples import Sample
from splitwire.eval.summary import Summary
from splitwire.runner.choice import CLOUD_ONLY, SHARED, Way

# bytes and divergence on even photos, where is chosen, and on odd ones, where is reported
LUCKY = (100, 0.01), (900, 0.01)
FAIR = (200, 0.01), (200, 0.01)
FAR = (10, 0.9), (10, 0.01)


@pytest.fixture
def opened(make_run) -> Summary:
    return Summary.open(make_run(photos=2))


def of(opened: Summary, photos: int, **shared: tuple[tuple[float, float], ...]) -> Headline | None:
    """The headline of a run of so many photos and choices."""

    def sample(at: int, way: Way, codec: str, half: tuple[float, float]) -> Sample:
        split = "s" if way == SHARED else ""
        return Sample(f"{at:02}", 0, way, split, codec, bytes=int(half[0]), divergence=half[1])

    samples = []
    for at in range(photos):
        samples.append(sample(at, CLOUD_ONLY, "picture:format=png", (1000, 0.0)))
        samples += [sample(at, SHARED, name, halves[at % 2]) for name, halves in shared.items()]
    return headline(replace(opened, samples=samples, results=summarise(samples)))


def test_it_is_chosen_on_every_second_photo_and_reported_on_the_others(opened: Summary) -> None:
    found = of(opened, 8, lucky=LUCKY, fair=FAIR, far=FAR)
    assert found and found.others and found.established
    assert (found.chosen.codec, found.chosen.bytes, found.chosen.photos) == ("lucky", 900, 4)
    assert found.picture and found.picture.photos == 4


def test_of_few_photos_there_are_no_halves(opened: Summary) -> None:
    found = of(opened, 3, lucky=LUCKY, fair=FAIR)
    assert found and not found.others
    assert (found.chosen.codec, found.chosen.photos) == ("fair", 3)


def test_a_limit_that_others_do_not_hold_is_not_established(opened: Summary) -> None:
    found = of(opened, 8, one=((100, 0.01), (100, 0.06)))
    assert found and not found.established
    assert of(opened, 8, one=((100, 0.06), (100, 0.01))) is None


def test_the_sure_come_before_the_lucky(opened: Summary) -> None:
    samples = []
    for at in range(16):
        unsure = 0.15 * (at % 4 == 0 and at < 8)  # a mean below the limit, an upper end above it
        samples.append(Sample(f"{at:02}", 0, SHARED, "s", "unsure", bytes=50, divergence=unsure))
        samples.append(Sample(f"{at:02}", 0, SHARED, "s", "sure", bytes=80, divergence=0.02))
    found = headline(replace(opened, samples=samples, results=summarise(samples)))
    assert found and found.chosen.codec == "sure" and found.established


def test_what_failed_on_any_photo_is_out(opened: Summary) -> None:
    samples = [Sample(f"{n}", 0, SHARED, "s", "a", bytes=5, divergence=0.0) for n in range(8)]
    samples[1] = replace(samples[1], error="CodecError: no")
    assert headline(replace(opened, samples=samples, results=summarise(samples))) is None


def test_a_picture_that_could_not_be_read_changes_nothing(opened: Summary) -> None:
    def row(photo: str, way: Way, codec: str, size: int) -> Sample:
        split = "s" if way == SHARED else ""
        return Sample(photo, 0, way, split, codec, bytes=size, divergence=0.01)

    names, good, unread = ("00", "01", "02", "03", "04"), [], []
    for photo in names:
        both = row(photo, SHARED, "a", 90 + int(photo)), row(photo, CLOUD_ONLY, "picture", 99)
        good += both
        broken = [replace(sample, photo=f"{photo}-broken", bytes=0) for sample in both]
        unread += [replace(sample, error="DataError: no", unread=True) for sample in broken]
    found = [
        headline(replace(opened, samples=samples, results=summarise(samples)))
        for samples in (good, sorted(good + unread, key=lambda sample: sample.photo))
    ]
    assert found[0] and found[0].others and found[0].saved and found[0].saved.low < 0
    assert found[1] and (found[1].chosen, found[1].saved) == (found[0].chosen, found[0].saved)
    drawn = [Drawn(samples, 0).points(summarise(good)[:1]) for samples in (good, good + unread)]
    assert drawn[0] == drawn[1]
