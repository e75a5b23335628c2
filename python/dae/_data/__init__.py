"""Data on the way in: checked, cut into blocks, corrupted."""
