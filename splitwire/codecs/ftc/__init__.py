"""`ftc`, the feature transform codec; see docs/ftc.md."""

from splitwire.codecs.ftc.codec import Ftc as Ftc
