"""Making the picture's segments in worker processes."""
