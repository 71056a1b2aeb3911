"""The way from the edge to the cloud: packets, links, and the one function that runs it all."""
