"""How codecs are written down: what is written is read, and what a sweep stands for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitwire.codecs.spec import Spec
from splitwire.errors import CodecError

keys = st.text(st.characters(codec="ascii", exclude_characters=",=:"), min_size=1, max_size=9)
values = st.text(st.characters(codec="ascii", exclude_characters=",+"), max_size=9)
specs = st.builds(
    Spec, keys, st.dictionaries(keys, values, max_size=4).map(lambda given: tuple(given.items()))
)


@given(specs)
def test_what_is_written_is_read(spec: Spec) -> None:
    assert Spec.parse(str(spec)) == spec
    assert [spec.get(key) for key, _ in spec.settings] == [value for _, value in spec.settings]
    assert spec.get("no,key") is None


@given(specs)
def test_a_spec_without_a_sweep_is_its_own_curve(spec: Spec) -> None:
    assert spec.alternatives() == [spec]
    assert spec.curve == str(spec)


@given(specs, keys, st.lists(values, min_size=2, max_size=5))
def test_a_sweep_is_a_spec_for_each_value_and_one_curve(
    spec: Spec, key: str, swept: list[str]
) -> None:
    rest = tuple(pair for pair in spec.settings if pair[0] != key)
    for at in range(len(rest) + 1):
        before, after = rest[:at], rest[at:]
        sweep = Spec(spec.name, (*before, (key, "+".join(swept)), *after))
        assert sweep.curve == str(Spec(spec.name, rest))
        assert sweep.alternatives() == [
            Spec(spec.name, (*before, (key, value), *after)) for value in swept
        ]


def test_empty_words_say_nothing() -> None:
    assert Spec.parse("raw:,bits=4,,") == Spec("raw", (("bits", "4"),))
    assert str(Spec.parse("raw:")) == "raw"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raw:bits", "'bits' is no key=value"),
        ("raw:bits=4,clip", "'raw:bits=4,clip': 'clip' is no key=value"),
        ("raw:bits=4,bits=4", "'raw:bits=4,bits=4' gives bits twice"),
    ],
)
def test_words_that_are_no_settings_are_refused(text: str, words: str) -> None:
    with pytest.raises(CodecError, match=words):
        Spec.parse(text)


def test_two_parameters_cannot_be_swept_at_once() -> None:
    spec = Spec.parse("raw:bits=4+8,per=channel,clip=2sd+3sd")
    for act in (spec.alternatives, lambda: spec.curve):
        with pytest.raises(CodecError, match="' sweeps bits and clip: one a curve"):
            act()


def test_a_plus_in_a_file_s_name_sweeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a+b"
    path.touch()
    spec = Spec.parse(f"raw:profile={path},bits=4+5")
    assert spec.curve == f"raw:profile={path}"
    assert [one.get("bits") for one in spec.alternatives()] == ["4", "5"]
    assert len(Spec.parse(f"raw:profile={path}+{path}").alternatives()) == 4
    assert len(Spec.parse("raw:bits=" + "+".join("4" * 2000)).alternatives()) == 2000
