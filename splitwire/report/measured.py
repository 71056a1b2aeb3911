"""How a run was measured, in words."""

from dataclasses import asdict

from splitwire.codecs.profile import Provenance
from splitwire.eval.devices import Device
from splitwire.eval.experiment import LinkPlan
from splitwire.eval.machine import Hardware
from splitwire.eval.summary import Summary
from splitwire.report.findings import counts
from splitwire.report.units import significant, size_text, time_text


def about(summary: Summary) -> str:
    """A run in one line: how much was measured, and when."""
    shared = [result for result in summary.results if result.split]
    codecs, splits = ({result.codec for result in shared}, {result.split for result in shared})
    tuned = ", fine-tuned cloud" if summary.head.experiment.cloud_weights else ""
    return (
        f"{len(codecs)} codec setting{'s' * (len(codecs) != 1)} at {len(splits)} split "
        f"point{'s' * (len(splits) != 1)}{tuned}, {counts(summary.results)}, "
        f"{summary.head.started[:10]}"
    )


def measured(summary: Summary) -> list[tuple[str, str]]:
    """How it was measured, as terms and their values."""
    head, plan = summary.head, summary.head.experiment
    model, tuned = head.model, plan.cloud_weights
    rows = [
        ("network", f"{model.name}, {model.macs / 1e6:,.0f} million multiply-accumulates"),
        ("its weights", model.weights),
        ("its digest", model.digest),
        (
            "cloud half",
            f"fine-tuned, of the weights {tuned} (digest {model.deployed})" if tuned else "",
        ),
        ("halves", _halves(head.differences)),
        ("task", ", ".join((plan.task, *plan.metrics))),
        ("evaluated on", head.evaluation),
        ("calibrated on", head.calibration or "nothing: no codec here was calibrated"),
        *((f"profile {digest}", _profile(learnt)) for digest, learnt in head.profiles.items()),
        ("pictures", counts(summary.results)),
        ("edge device", _device(head.edge)),
        ("cloud device", _device(head.cloud)),
        ("drift", _drift(summary.drift)),
        *((f"link {link.name}", _link(link)) for link in plan.links),
        ("machine", _machine(head.hardware)),
        ("versions", ", ".join(f"{name} {number}" for name, number in head.versions.items())),
        ("seed", str(plan.seed)),
        ("started", head.started),
    ]
    return [(term, value) for term, value in rows if value]


def _halves(differences: dict[str, float]) -> str:
    """How the uncompressed halves agree with the whole."""
    apart = {split: far for split, far in differences.items() if far}
    if not apart:
        return "give the whole network's output to the bit" if differences else ""
    worst = max(apart, key=lambda split: apart[split])
    return (
        f"differ from the whole network by its own rounding, by up to {apart[worst]:.2g} in the "
        f"output, at {worst}"
    )


def _profile(learnt: Provenance | None) -> str:
    if learnt is None:
        return "does not say what it was learnt on"
    which = f", tensor {learnt.crossing + 1}" if learnt.crossing else ""
    how = f"trained for {learnt.steps:,} steps" if learnt.trained else "learnt"
    return (
        f"{learnt.settings} at {learnt.split}{which}, {how} on {learnt.crops:,} crops of "
        f"{', '.join(learnt.data)}, seed {learnt.seed}"
        f"{'' if learnt.pictures else '; which pictures is unknown'}"
    )


def _device(device: Device) -> str:
    return f"{device.name} ({device.about}), times measured here × {significant(device.factor)}"


def _drift(ratio: float | None) -> str:
    return "" if ratio is None else f"the reference took × {ratio:.2f} as long after the run"


def _link(link: LinkPlan) -> str:
    said = [f"{size_text(link.rate)}/s up" if link.rate else f"trace {link.trace}"]
    said += [f"round trip {time_text(link.rtt)}"] * bool(link.rtt)
    if link.loss:
        said.append(f"{significant(100 * link.loss)} % of segments lost, which TCP sends again")
    return ", ".join(said)


def _machine(hardware: Hardware) -> str:
    words = asdict(hardware)
    words["memory"] = hardware.memory and f"{hardware.memory / 2**30:.0f} GiB"
    return ", ".join(f"{name} {value}" for name, value in words.items() if value)
