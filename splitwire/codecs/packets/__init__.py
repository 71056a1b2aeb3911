"""Tensors as packets of which some may never arrive; see docs/loss.md."""
