"""Shape comments: found in source, held against what a run observed, and written.

`notation` reads shapes in text, `places` says what a comment speaks of, `fitting` whether a shape
fits, `verdicts` puts the three together, `writing` makes the edits.
"""
