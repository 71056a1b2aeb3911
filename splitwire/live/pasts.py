"""What the cloud remembers of packets that others build on: the decoders of each client."""

from collections import OrderedDict
from collections.abc import Sequence

from splitwire.codecs.base import Decoder
from splitwire.live.library import Agreement


class Pasts:
    """The decoders of clients, within a budget: the least recently used are forgotten first.

    A client has those of one agreement, the last under which it sent anything that may build on
    another packet. It is used by one thread at a time.

    Args:
        budget: bytes, as `Agreement.past` counts them; the last client to come may exceed it alone.

    Attributes:
        held: bytes of all that is remembered.
    """

    def __init__(self, budget: int) -> None:
        self._budget, self.held = budget, 0
        self._held: OrderedDict[object, tuple[Agreement, Sequence[Decoder]]] = OrderedDict()

    def decoders(self, client: object, agreement: Agreement) -> Sequence[Decoder]:
        """What decodes the next packet of a client: one for each crossing tensor."""
        codecs = agreement.choice.codecs
        if not agreement.choice.predicts:
            return codecs
        before, decoders = self._take(client) or (None, ())
        if before is not agreement:
            decoders = [codec.decoder() for codec in codecs]
        self._held[client] = (agreement, decoders)
        self.held += agreement.past
        while len(self._held) > 1 and self.held > self._budget:
            self._take(next(iter(self._held)))
        return decoders

    def forget(self, client: object) -> None:
        """Let go of what a client has; it has gone."""
        self._take(client)

    def _take(self, client: object) -> tuple[Agreement, Sequence[Decoder]] | None:
        taken = self._held.pop(client, None)
        if taken is not None:
            self.held -= taken[0].past
        return taken
