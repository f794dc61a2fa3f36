"""Inputs for a model of which nobody said what it takes."""
