"""Encoders and ffmpeg: which one, whether it works here, writing with it, joining what it wrote."""
