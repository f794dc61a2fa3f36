"""Drawings of a model, from its trace."""
