"""Edits worth trying, made from what a rule found, and the trial of them."""
