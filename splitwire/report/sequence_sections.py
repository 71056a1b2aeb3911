"""The sections of clips: along time, and features against the video itself."""

from collections.abc import Sequence
from math import isnan

from markupsafe import Markup, escape

from splitwire.eval.duels import Duel, Side, duels
from splitwire.eval.results import Result
from splitwire.eval.samples import Sample
from splitwire.eval.summary import Summary
from splitwire.report import sequence_plots
from splitwire.report.rows import curve_name, picks, signed
from splitwire.report.section import Rows, Section
from splitwire.report.units import significant, size_text
from splitwire.runner.choice import Key

_MOST = 6  # clips that are drawn


def along_time(summary: Summary) -> Section | None:
    """Bytes and divergence of each frame; None for photos, or where nothing holds the fidelity."""
    chosen = picks(summary)
    clips = list(dict.fromkeys(s.clip for s in summary.samples if s.clip is not None))
    if not clips or not chosen:
        return None
    unit = summary.scoring.unit
    figures = [
        sequence_plots.along_time(clip, _frames(summary, clip, chosen), unit, summary.fidelity)
        for clip in clips[:_MOST]
    ]
    said = (
        f"The cheapest choice within {significant(summary.fidelity)} {unit} (dotted) on the mean "
        "of all frames: at each split, and of the video itself. A frame with a mark was coded "
        "without those before."
    )
    if len(clips) > _MOST:
        said += f" The first {_MOST} of {len(clips)} clips."
    styles = sequence_plots.looks([pick.choice for pick in chosen])
    legend = [(styles[pick.choice], pick.label) for pick in chosen]
    title = "Along time"
    data = [_rows(_frames(summary, clip, chosen)) for clip in clips[:_MOST]]
    return Section("along-time", title, said, figures, legend=legend, data=data)


def _rows(frames: dict[Key, list[Sample]]) -> Rows:
    return [
        {
            "split": sample.split,
            "codec": sample.codec,
            "seconds": sample.at,
            "bytes": sample.bytes,
            "divergence": sample.divergence,
            "intra": sample.intra,
        }
        for samples in frames.values()
        for sample in samples
    ]


def _frames(summary: Summary, clip: str, chosen: Sequence[Result]) -> dict[Key, list[Sample]]:
    found: dict[Key, list[Sample]] = {pick.choice: [] for pick in chosen}
    for sample in summary.samples:
        if sample.clip == clip and sample.choice in found:
            found[sample.choice].append(sample)
    return {choice: sorted(frames, key=_number) for choice, frames in found.items()}


def _number(sample: Sample) -> int:
    return sample.frame or 0


def against_the_video(summary: Summary) -> Section | None:
    """Who needs fewer bytes at a few divergences; None for photos, or where no video is sent."""
    if not summary.head.experiment.sequence or not (found := duels(summary)):
        return None
    said = (
        "Bytes a frame at equal divergence: the best codec of features at each split, and the best "
        "of the video itself. Both are the best on the very clip that the row is of. A curve "
        "that stays below the divergence counts with its fewest bytes; a dash: none gets there."
    )
    title = "Features or the video itself"
    return Section("duels", title, said, panels=[_table(found, summary)])


def _table(found: Sequence[Duel], summary: Summary) -> Markup:
    heads = ("clip", "split", summary.scoring.unit, "features", "video", "% bytes", "fewer")
    rows = Markup("").join(_row(duel, summary) for duel in found)
    head = Markup("").join(Markup("<th>{}</th>").format(text) for text in heads)
    return Markup(
        '<div class="scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(head, rows)


def _row(duel: Duel, summary: Summary) -> Markup:
    cells = (
        duel.clip,
        duel.split,
        significant(duel.divergence),
        side_text(duel.features, summary),
        side_text(duel.video, summary),
        "–" if isnan(duel.percent) else signed(duel.percent, 0),
        winner(duel),
    )
    shown = Markup("").join(Markup("<td>{}</td>").format(escape(cell)) for cell in cells)
    return Markup("<tr{}>{}</tr>").format(
        Markup(' class="best"') if winner(duel) == "features" else "", shown
    )


def side_text(side: Side, summary: Summary) -> str:
    """A side in words: "1.2 kB, ftc"."""
    if isnan(side.bytes):
        return "–"
    name = curve_name(side.curve, summary).removeprefix("cloud only, ")
    return f"{size_text(side.bytes)}, {name}"


def winner(duel: Duel) -> str:
    """Who needs fewer bytes; who alone gets there; a dash where nobody does."""
    if isnan(duel.percent):
        alone = [name for name, side in (("features", duel.features), ("video", duel.video))
                 if not isnan(side.bytes)]  # fmt: skip
        return alone[0] if alone else "–"
    return "features" if duel.percent < 0 else "video"
