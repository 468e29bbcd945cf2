"""Packages of others that cannot be had here, in the shape that they have: a test puts this folder on the path."""
