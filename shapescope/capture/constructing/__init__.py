"""Models that cannot be built: why their constructors raise, and what mends them."""
