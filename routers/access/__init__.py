"""The gate: who is let in, how often, and with which words they are turned away."""
