"""From what a user typed to a model: files, packages, zoos, saved models."""
