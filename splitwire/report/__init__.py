"""A run as a page and as tables: what it found, in words, figures and rows."""
