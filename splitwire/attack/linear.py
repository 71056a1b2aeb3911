"""The linear decoder: each block of pixels from the features about its position, in closed form.

It needs few pictures, and is what the trained decoder starts from.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, unfold

REACH = 3  # positions along each side that a block is decoded from
ROWS = 128  # positions of each picture that the fit sees
_RIDGES = (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)  # of the variance of a feature
_ONE_IN = 5


class Linear(nn.Module):
    """A convolution whose outputs are the pixels of a block.

    Args:
        channels: of the features.
        colours: channels of the picture.
        side: pixels along each side of a block.
    """

    def __init__(self, channels: int, colours: int, side: int) -> None:
        super().__init__()
        self._side = side
        pixels = colours * side**2
        self.convolution = nn.Conv2d(channels, pixels, REACH, padding=REACH // 2)
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (N, colours, side·H, side·W) of features (N, C, H, W)."""
        return pixel_shuffle(self.convolution(x), self._side)

    @torch.no_grad()
    def fit(self, batches: Iterable[tuple[Tensor, Tensor]], random: torch.Generator) -> None:
        """Ridge regression on some positions of each picture.

        How much of a ridge is told by one batch in five, which is then learnt from as well.

        Args:
            batches: features (N, C, H, W), of about unit variance, and their pictures, of the size
                that `forward` gives.
            random: chooses the positions.
        """
        sums = [_Sums(), _Sums()]
        for at, (x, pictures) in enumerate(batches):
            near = unfold(x, REACH, padding=REACH // 2).transpose(1, 2)
            wanted = pixel_unshuffle(pictures, self._side).flatten(2).transpose(1, 2)
            order = torch.rand(near.shape[:2], generator=random).argsort(1)[:, :ROWS, None]
            sums[at % _ONE_IN == 0].add(*(_rows(rows, order) for rows in (near, wanted)))
        held, learnt = sums[1], sums[0] if sums[0].count else sums[1]
        ridge = min(_RIDGES, key=lambda ridge: held.error(learnt.solved(ridge)))
        found = (held + learnt).solved(ridge)
        self.convolution.weight.copy_(found[:-1].T.reshape(self.convolution.weight.shape))
        assert self.convolution.bias is not None
        self.convolution.bias.copy_(found[-1])


class _Sums:
    """What least squares needs of the rows that it has seen."""

    def __init__(self) -> None:
        self.squares, self.products, self.count = torch.tensor(0.0), torch.tensor(0.0), 0

    def add(self, rows: Tensor, wanted: Tensor) -> None:
        rows = torch.cat([rows, torch.ones(len(rows), 1)], 1)
        self.squares = self.squares + rows.T @ rows
        self.products = self.products + rows.T @ wanted
        self.count += len(rows)

    def __add__(self, other: "_Sums") -> "_Sums":
        both = _Sums()
        both.squares, both.products = self.squares + other.squares, self.products + other.products
        both.count = self.count + other.count
        return both

    def solved(self, ridge: float) -> Tensor:
        """The weights, and the constant, which is free, as the last row."""
        added = torch.full((len(self.squares),), ridge * self.count, dtype=torch.float64)
        added[-1] = 0
        left, right = self.squares.double() + added.diag(), self.products.double()
        solved: Tensor = torch.linalg.solve(left, right)
        return solved

    def error(self, weights: Tensor) -> float:
        """The squared error of weights on these rows, but for what no weights change."""
        gram = weights * (self.squares.double() @ weights)
        return float((gram - 2 * weights * self.products).sum())


def _rows(x: Tensor, order: Tensor) -> Tensor:
    """Of (N, positions, width) those positions of each that are in order, as one matrix."""
    return x.gather(1, order.expand(-1, -1, x.shape[2])).flatten(0, 1)
