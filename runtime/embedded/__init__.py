"""The parts that a server brings along where none is configured: a Redis and a model node, under a supervisor process of their own."""
