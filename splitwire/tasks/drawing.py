"""Pens of several tasks: a colour a class, and words on a picture."""

from colorsys import hsv_to_rgb
from math import ceil

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

_TURN = 0.618034  # of the colour circle from one class to the next: the golden ratio repeats last


def colour(index: int) -> Colour:
    """One that is told from those of the classes beside it, and from what photos show."""
    red, green, blue = hsv_to_rgb((0.02 + index * _TURN) % 1, 0.85, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def write(picture: Image.Image, at: tuple[float, float], words: str, ground: Colour) -> None:
    """Words on a picture over a ground of one colour, kept inside of the picture.

    Args:
        picture: written on.
        at: where the lower left corner of the words is to be, in pixels.
        words: one line.
        ground: the colour behind them.
    """
    size = max(10, picture.width // 32)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    width, height = ceil(pen.textlength(words, font)) + 4, size + 4
    x = max(0, min(at[0], picture.width - width))
    y = max(0, min(at[1] - height, picture.height - height))
    pen.rectangle((x, y, x + width, y + height), fill=ground)
    pen.text((x + 2, y + 1), words, fill="black", font=font)
