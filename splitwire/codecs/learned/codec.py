"""`learned`: networks trained on the rate and on what the output loses, around an entropy coder.

splitwire/train/ trains them; encoding and decoding take NumPy alone. What decides the bits of a
tensor or of an entropy coder's table is computed in integers (integer_layers.py), so that
a stream decodes to the same tensor everywhere.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, Self

from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc.codec import Ftc
from splitwire.codecs.layout import to_planes
from splitwire.codecs.learned.profile import opened
from splitwire.codecs.profile import Profile
from splitwire.codecs.profiled import ProfiledCodec
from splitwire.codecs.registry import register_codec


@register_codec
class Learned(ProfiledCodec):
    """Analysis and synthesis networks, trained around a frozen network, and their entropy model.

    x ─▶ analysis ─▶ latents ─▶ one step ─▶ entropy coder ─▶ latents ─▶ synthesis ─▶ y

    The packaged profiles need no fewer bytes than `ftc` on pictures that neither learnt from; see
    docs/learned.md.
    """

    name: ClassVar[str] = "learned"
    trained: ClassVar[bool] = True
    _open = staticmethod(opened)

    def calibrate(
        self, features: Iterable[Tensor], gradients: Iterable[Tensor] | None = None
    ) -> Self:
        """This codec as it is before training: the transform and the contexts of `ftc`.

        Args:
            features: tensors of one shape, as the codec is to code them.
            gradients: of the log-likelihood of labels drawn from the network's output, with respect
                to features; of that shape, any number of them.

        Raises:
            CodecError: there are no features, their shapes differ, or they hold NaN or infinity.
        """
        slopes = None if gradients is None else map(to_planes, gradients)
        start = Ftc.of({}).calibrate(map(to_planes, features), slopes).profile
        assert start is not None
        return replace(self, profile=Profile(self.name, start.arrays))
