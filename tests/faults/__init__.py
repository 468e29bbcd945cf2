"""Outages and kills in the middle of films, on servers of the tests' own: `make faults`. A short form belongs to all tests."""
