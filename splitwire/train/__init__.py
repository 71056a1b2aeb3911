"""Training `learned`: networks around a frozen network's cut, then exported to a profile."""
