"""The plain Python twin of the coding of vectors and sources, a part of `_residuals.pyx`."""

from splitwire.kernels import residual_arguments as arguments
from splitwire.kernels.reference_mix import Context, learn
from splitwire.kernels.reference_range import Decoder, Encoder
from splitwire.kernels.residual_arguments import BLANK, FARTHEST

_SOURCE, _BLANK, _VECTOR = 1, 4, 5  # where contexts begin, behind that of any move at all
_STEPS = 8  # bins of a vector's component that have a context

Vectors = list[list[int]]


def foreseen(vectors: Vectors, block: int, columns: int, axis: int) -> int:
    """The median of the vectors on the left, above and above on the right; 0 beyond the edges."""
    left = vectors[block - 1][axis] if block % columns else 0
    if block < columns:
        return left
    above = vectors[block - columns][axis]
    right = vectors[block - columns + 1][axis] if (block + 1) % columns else 0
    return sorted((left, above, right))[1]


def encode_moves(
    coder: Encoder, contexts: list[Context], vectors: Vectors, sources: list[int], columns: int
) -> None:
    """Code whether anything moves and, if so, the source and the vector of each block."""
    moving = any(sources) or any(map(any, vectors))
    _encode(coder, contexts[0], moving)
    for block in range(len(sources) if moving else 0):
        _encode(coder, contexts[_strange(sources, block, columns)], sources[block] > 0)
        if sources[block]:
            _encode(coder, contexts[_BLANK], sources[block] == BLANK)
        if sources[block] != BLANK:
            for axis in range(2):
                off = vectors[block][axis] - foreseen(vectors, block, columns, axis)
                _encode_off(coder, contexts[_VECTOR + (_STEPS + 1) * axis :], off)


def decode_moves(
    coder: Decoder, contexts: list[Context], count: int, columns: int
) -> tuple[Vectors, list[int]]:
    """The vectors and sources of so many blocks; ValueError where a vector goes too far."""
    vectors, sources = [[0, 0] for _ in range(count)], [0] * count
    moving = _decode(coder, contexts[0])
    for block in range(count if moving else 0):
        sources[block] = _decode(coder, contexts[_strange(sources, block, columns)])
        if sources[block]:
            sources[block] += _decode(coder, contexts[_BLANK])
        if sources[block] != BLANK:
            for axis in range(2):
                off = _decode_off(coder, contexts[_VECTOR + (_STEPS + 1) * axis :])
                vectors[block][axis] = off + foreseen(vectors, block, columns, axis)
                if abs(vectors[block][axis]) > FARTHEST:
                    arguments.refuse()
    return vectors, sources


def _strange(sources: list[int], block: int, columns: int) -> int:
    """The context of a source: how many of those on the left and above are not the last map."""
    left = block % columns > 0 and sources[block - 1] > 0
    above = block >= columns and sources[block - columns] > 0
    return _SOURCE + left + above


def _encode_off(coder: Encoder, contexts: list[Context], off: int) -> None:
    size = abs(off)
    for place in range(min(size + 1, _STEPS)):
        _encode(coder, contexts[place], size > place)
    if size:
        coder.code_bits(int(off < 0), 1)
    if size >= _STEPS:
        coder.code_number(size - _STEPS + 1)


def _decode_off(coder: Decoder, contexts: list[Context]) -> int:
    size = 0
    while size < _STEPS and _decode(coder, contexts[size]):
        size += 1
    if not size:
        return 0
    negative = coder.code_bits(1)
    if size == _STEPS:
        size += coder.code_number() - 1
    return -size if negative else size


def _encode(coder: Encoder, context: Context, value: bool) -> None:
    learn(context, coder.code_odds(context[0], int(value)))


def _decode(coder: Decoder, context: Context) -> int:
    value = coder.code_odds(context[0])
    learn(context, value)
    return value
