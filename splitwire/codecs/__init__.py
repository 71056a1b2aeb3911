"""Codecs of feature tensors. base.py is the contract; then there is one file a codec."""
