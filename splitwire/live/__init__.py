"""Edge and cloud as programmes, what they say to each other, and a page to watch them."""
