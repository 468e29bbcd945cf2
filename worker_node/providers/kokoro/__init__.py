"""The natural voice: Kokoro-82M for Mandarin and English, by packages alone."""
