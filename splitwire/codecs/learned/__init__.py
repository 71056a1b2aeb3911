"""`learned`, networks around an entropy coder; see docs/learned.md."""

from splitwire.codecs.learned.codec import Learned as Learned
