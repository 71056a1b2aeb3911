"""Where a network comes from, how its pictures are prepared, and how it is cut in two."""
