"""Further passes through a model that was traced: to be sure, to mend, to compare, to time."""
