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
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._held: OrderedDict[object, tuple[Agreement, Sequence[Decoder]]] = OrderedDict()

    @property
    def held(self) -> int:
        """Bytes of all that is remembered."""
        return sum(agreement.past for agreement, _ in self._held.values())

    def decoders(self, client: object, agreement: Agreement) -> Sequence[Decoder]:
        """What decodes the next packet of a client: one for each crossing tensor."""
        codecs = agreement.choice.codecs
        if not agreement.choice.predicts:
            return codecs
        before, decoders = self._held.pop(client, (None, ()))
        if before is not agreement:
            decoders = [codec.decoder() for codec in codecs]
        self._held[client] = (agreement, decoders)
        while len(self._held) > 1 and self.held > self._budget:
            self._held.popitem(last=False)
        return decoders

    def forget(self, client: object) -> None:
        """Let go of what a client has; it has gone."""
        self._held.pop(client, None)
