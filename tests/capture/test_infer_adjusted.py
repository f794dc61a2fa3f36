"""Inputs whose sizes no layer at the entrance tells, but the steps that fail without them do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capture.test_infer_arguments import found, written

CASES = {
    "a split": (
        "self.place = nn.Linear(63, 8)\nself.view = nn.Linear(27 + 8, 3)",
        """
def forward(self, x):
    place, view = torch.split(x, [63, 27], dim=-1)
    return self.view(torch.cat([self.place(place), view], -1))
""",
        ["1,90"],
    ),
    "features beside made ones": (
        "self.user = nn.Embedding(50, 32)\nself.mlp = nn.Linear(32 + 6, 4)",
        "def forward(self, who, about):\n"
        "    return self.mlp(torch.cat([self.user(who), about], -1))",
        ["1,16:int64<50", "1,16,6"],
    ),
    "an action beside a state that went through a layer": (
        "self.state = nn.Linear(24, 400)\nself.both = nn.Linear(402, 1)",
        "def forward(self, state, action):\n"
        "    return self.both(torch.cat((self.state(state), action), dim=1))",
        ["1,24", "1,2"],
    ),
    "sines of each place": (
        "self.net = nn.Linear(3 + 3 * 2 * 4, 5)",
        """
def forward(self, at):
    made = [at]
    for power in range(4):
        made += [torch.sin(2**power * at), torch.cos(2**power * at)]
    return self.net(torch.cat(made, dim=-1))
""",
        ["1,3"],
    ),
    "a table of places that is not cut": (
        "self.words = nn.Embedding(90, 8)\nself.place = nn.Parameter(torch.zeros(77, 8))",
        "def forward(self, text):\n    return self.words(text) + self.place",
        ["1,77:int64<90"],
    ),
    "as many fields as there are offsets": (
        "self.table = nn.Embedding(30, 4)\n"
        "self.register_buffer('offsets', torch.tensor([0, 10, 20]))",
        "def forward(self, x):\n    return self.table(x + self.offsets).sum(1)",
        ["1,3:int64<2"],
    ),
    "a layer along the time": (
        "self.along = nn.Linear(96, 24)",
        "def forward(self, x):\n    return self.along(x.permute(0, 2, 1)).permute(0, 2, 1)",
        ["1,96,16"],
    ),
    "neighbours of points": (
        "self.mlp = nn.Linear(3, 8)",
        """
def forward(self, points):
    near = torch.cdist(points, points).topk(32, dim=-1)[1]
    return self.mlp(points).max(1)[0] + near.float().mean((1, 2))[:, None]
""",
        ["1,32,3"],
    ),
    "weights that another argument makes": (
        "self.make = nn.Linear(16, 5 * 12)",
        "def forward(self, x, z):\n"
        "    return torch.bmm(self.make(z).view(-1, 5, 12), x.unsqueeze(-1)).squeeze(-1)",
        ["1,12", "1,16"],
    ),
    "a table for each loop": (
        "self.tables = nn.ModuleList([nn.Embedding(9, 4), nn.Embedding(7, 4)])\n"
        "self.head = nn.Linear(8, 2)",
        "def forward(self, chosen):\n"
        "    made = [it(chosen[:, at]) for at, it in enumerate(self.tables)]\n"
        "    return self.head(torch.cat(made, 1))",
        ["1,2:int64<7"],
    ),
    "frames whose picture an index cuts out": (
        "self.conv = nn.Conv2d(3, 8, 3)",
        "def forward(self, video):\n    return self.conv(video[:, 0, :, :, :]).mean((2, 3))",
        ["1,4,3,64,64"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_fails_tells_the_size(in_folder: Path, case: str) -> None:
    layers, forward, expected = CASES[case]
    assert found(in_folder, written(layers, forward)) == expected
