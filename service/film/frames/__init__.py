"""What a frame shows: images, clips and placeholders, under camera moves and transitions."""
