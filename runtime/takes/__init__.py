"""Takes: recorded performances, written beside the sound, read even when cut, played again."""
