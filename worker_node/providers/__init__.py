"""What does the work, behind one interface per kind: see `base`."""
