"""Whoever should not come in, see or change something tries to: nothing is changed, disclosed or stored, and nothing fails with 5xx."""
