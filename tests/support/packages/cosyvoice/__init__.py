"""CosyVoice as a package, without its models: it buzzes for as long as it takes to say a text."""
