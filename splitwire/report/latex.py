"""A table for LaTeX, in the rules of the package booktabs."""

from collections.abc import Mapping, Sequence

_ESCAPED = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "×": r"$\times$",
    "±": r"$\pm$",
    "\u00a0": "~",
}


def booktabs(headings: Sequence[str], blocks: Mapping[str, Sequence[Sequence[str]]]) -> str:
    r"""A tabular environment; \usepackage{booktabs} brings its rules.

    Args:
        headings: of the columns: the first is set to the left, the others to the right.
        blocks: rows of cells by the block's title, which stands in a row of its own unless empty.
    """
    lines = [rf"\begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}", r"\toprule", _row(headings)]
    for title, rows in blocks.items():
        lines.append(r"\midrule")
        if title:
            lines.append(rf"\multicolumn{{{len(headings)}}}{{l}}{{{escaped(title)}}} \\")
        lines += map(_row, rows)
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def escaped(words: str) -> str:
    """Words as LaTeX prints them."""
    return "".join(_ESCAPED.get(sign, sign) for sign in words)


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(escaped, cells)) + r" \\"
