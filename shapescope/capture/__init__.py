"""The part of shapescope that runs a model and writes down what happens.

What lies in this folder itself is one pass: `tracer` chooses how to run, `passes` runs once,
`recorder` writes down. Beside it stand rooms for what comes before and after:

    loading       from what a user typed to a model; constructing: why one cannot be built
    inferring     inputs where nobody said what the model takes
    untouched     what keeps the user's own model as it was
    scripts       scripted and exported models, opened
    open_axes     traces with formulas for sizes; sizes: which of them fit
    further       the passes that make sure: of a diagnosis, a mend, a comparison, a time
"""
