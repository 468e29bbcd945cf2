"""Real services for tests, each started in a folder of its own on a port that the system chose."""
