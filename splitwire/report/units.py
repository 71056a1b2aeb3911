"""Numbers in words: bytes, times and plain numbers, each short enough for a sentence."""


def size_text(count: float) -> str:
    """A number of bytes in the unit that reads best: 450 B, 4.6 kB, 1.2 MB."""
    for unit, scale in (("MB", 1e6), ("kB", 1e3)):
        if count >= 0.9995 * scale:
            return f"{significant(count / scale)} {unit}"
    return f"{significant(count)} B"


def time_text(seconds: float) -> str:
    """A time in the unit that reads best: 0.45 ms, 12 ms, 1.2 s."""
    if seconds >= 0.9995:
        return f"{significant(seconds)} s"
    return f"{significant(1e3 * seconds)} ms"


def significant(value: float) -> str:
    """Three significant digits at most, without trailing zeros; an exponent only below 0.0001."""
    text = f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return text.replace("-", "−")


def each(clips: int) -> str:
    """What one sample is of."""
    return "frame" if clips else "picture"


def drawn_again(clips: int) -> str:
    """What intervals are over."""
    return "stretches of clips" if clips else "photos"


def sentence(words: str) -> str:
    """Words as the beginning of a sentence."""
    return words[:1].upper() + words[1:]
