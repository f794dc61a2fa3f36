"""Trace a model of your own from Python, and use what comes back."""

import torch.nn as nn

import shapescope


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + self.conv2(self.conv1(x).relu())


model = nn.Sequential(
    nn.Conv2d(3, 16, 3, stride=2, padding=1),
    Residual(16),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(16, 10),
)

result = shapescope.trace(model, input_size=(8, 3, 64, 64))
print(result)

# The trace is plain data: the residual sum has two sources.
add = next(step for step in result.trace.steps if step.op == "add")
print("the sum adds the results of steps", add.sources)
print(f"{result.totals.params:,} parameters, {result.totals.macs:,} multiply-adds")
assert all(check.status != "mismatch" for check in result.checks)
