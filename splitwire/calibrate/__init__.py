"""What codecs learn of a network before they code for it, and where that is kept."""
