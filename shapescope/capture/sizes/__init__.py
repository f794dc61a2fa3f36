"""Running a model with sizes that remember their formulas, to learn which sizes it accepts."""
