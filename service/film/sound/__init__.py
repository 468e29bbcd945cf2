"""The film's sound: decoding, speech, mixing, mastering, AAC."""
