"""A model that fails is a result too: the steps up to there, and the diagnosis."""

import torch.nn as nn

import shapescope

model = nn.Sequential(
    nn.Conv2d(1, 6, 5),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(6 * 14 * 14, 10),
)

result = shapescope.trace(model, input_size=(4, 1, 28, 28))
assert result.trace.failure is not None
for diagnostic in result.diagnostics:
    print(diagnostic.rule, "-", diagnostic.message)
    for line in diagnostic.why:
        print("  why:", line)
