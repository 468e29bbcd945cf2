"""The client of a model node: ours or a foreign one. Everything a node says is hostile input."""
