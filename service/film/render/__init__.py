"""Making the image's segments in worker processes."""
