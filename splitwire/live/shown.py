"""What a peer says, as it may be printed: short, on one line, and with nothing a terminal obeys."""

LONGEST = 200  # characters


def shown(text: object, longest: int = LONGEST) -> str:
    """The words of a peer: what is not printable is escaped, what is too long is cut.

    Control characters would move a terminal's cursor or colour it, and marks of writing direction
    would turn a line around.
    """
    said = str(text)
    cut = said[:longest]
    clean = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return clean[:longest] + ("…" if len(said) > longest or len(clean) > longest else "")
