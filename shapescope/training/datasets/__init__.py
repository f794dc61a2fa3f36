"""Data sets: the three of the documents, a user's own images, and a shipped sample."""
