"""The part of shapescope that runs a model and writes down what happens."""
