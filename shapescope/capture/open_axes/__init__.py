"""Traces with axes left open: sizes as formulas of N, H and W, and for which sizes they hold."""
