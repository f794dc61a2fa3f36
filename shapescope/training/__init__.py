"""Training, evaluation and prediction, with recipes as data."""
