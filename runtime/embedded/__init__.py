"""The parts that a server brings along where none is configured: a Redis and a model node, kept alive by one process of their own."""
