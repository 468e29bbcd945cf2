"""What a frame shows: pictures, clips and placeholders, under camera moves and transitions."""
