"""The plain Python twin of the mixing of probabilities; `_mix.h` says what each number is."""

from bisect import bisect_left
from dataclasses import dataclass
from math import exp

Context = list[int]  # the probability of a one, of 65536, and how many bins it rests on

SETTLED = 48
HEAVIEST = 1 << 20
_LARGEST = 3071
_CERTAIN = 65512
_LOGISTIC = [min(round(65536 / (1 + exp(-i / 8))), _CERTAIN) for i in range(97)]
_PACES = [655360 // (10 * seen + 16) for seen in range(SETTLED + 1)]


def squash(logit: int) -> int:
    """The probability of a logit."""
    place, rest = divmod(abs(logit), 32)
    p = (_LOGISTIC[place] * (32 - rest) + _LOGISTIC[place + 1] * rest) >> 5
    return 65536 - p if logit < 0 else p


_RISING = [squash(logit) for logit in range(-_LARGEST, _LARGEST)]
_LOGITS = [bisect_left(_RISING, 16 * p + 8) - _LARGEST for p in range(4096)]


@dataclass
class Bin:
    """What some contexts, each weighed, make of a bin.

    Attributes:
        contexts: which learn.
        weights: of their logits, in 1/65536; they learn too.
        logits: as they are before.
        p: the probability of a one, of 65536.
    """

    contexts: list[Context]
    weights: list[int]

    def __post_init__(self) -> None:
        self.logits = [_LOGITS[p >> 4] for p, _ in self.contexts]
        total = sum(w * logit for w, logit in zip(self.weights, self.logits, strict=True)) >> 16
        self.p = squash(max(-_LARGEST, min(total, _LARGEST)))

    def learn(self, value: int) -> None:
        """Move weights along the gradient of the bits spent, and contexts towards the bin."""
        error = (value << 16) - self.p
        for i, logit in enumerate(self.logits):
            weight = self.weights[i] + ((logit * error + (1 << 14)) >> 15)
            self.weights[i] = max(-HEAVIEST, min(weight, HEAVIEST))
            learn(self.contexts[i], value)


def learn(context: Context, value: int) -> None:
    """Move a context towards a bin: by 65536 / (seen + 1.6) of the error, of 65536."""
    p, seen = context
    aim = 65519 if value else 16
    context[:] = p + ((aim - p) * _PACES[seen] >> 16), min(seen + 1, SETTLED)
