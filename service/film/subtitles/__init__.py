"""Which words are shown when, how they are set, and the files that hold them."""
