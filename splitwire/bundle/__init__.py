"""Bundles: what a deployment needs of a split network, in a folder, without torch."""
