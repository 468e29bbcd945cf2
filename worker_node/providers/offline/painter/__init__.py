"""The offline painter: a composed landscape, or room, with what the prompt names in it. Pillow, NumPy and OpenCV, no model."""
