"""The kernel agent: the only ZeroMQ peer of one Jupyter kernel, and the keeper of its output."""
