"""Pure functions of a trace: what follows from it, and what is wrong with it."""
