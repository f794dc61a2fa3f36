"""Inputs whose sizes no layer at the entrance tells, but the steps that fail without them do."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapescope.capture.inferring.infer import infer_for
from shapescope.capture.inferring.own_inputs import own_inputs
from shapescope.capture.input_spec import format_input
from shapescope.capture.loader import load
from shapescope.diagnostic import ShapescopeError
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
        (
            "def forward(self, who, about):\n"
            "    return self.mlp(torch.cat([self.user(who), about], -1))"
        ),
        ["1,16:int64<50", "1,16,6"],
    ),
    "an action beside a state that went through a layer": (
        "self.state = nn.Linear(24, 400)\nself.both = nn.Linear(402, 1)",
        (
            "def forward(self, state, action):\n"
            "    return self.both(torch.cat((self.state(state), action), dim=1))"
        ),
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
        (
            "self.table = nn.Embedding(30, 4)\n"
            "self.register_buffer('offsets', torch.tensor([0, 10, 20]))"
        ),
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
        (
            "def forward(self, x, z):\n"
            "    return torch.bmm(self.make(z).view(-1, 5, 12), x.unsqueeze(-1)).squeeze(-1)"
        ),
        ["1,12", "1,16"],
    ),
    "a table for each loop": (
        (
            "self.tables = nn.ModuleList([nn.Embedding(9, 4), nn.Embedding(7, 4)])\n"
            "self.head = nn.Linear(8, 2)"
        ),
        (
            "def forward(self, chosen):\n"
            "    made = [it(chosen[:, at]) for at, it in enumerate(self.tables)]\n"
            "    return self.head(torch.cat(made, 1))"
        ),
        ["1,2:int64<7"],
    ),
    "frames whose picture an index cuts out": (
        "self.conv = nn.Conv2d(3, 8, 3)",
        "def forward(self, video):\n    return self.conv(video[:, 0, :, :, :]).mean((2, 3))",
        ["1,4,3,64,64"],
    ),
    "widths that the constructor names": (
        "self.state_dim, self.action_dim = 17, 6\nself.q = nn.Linear(23, 1)",
        "def forward(self, state, action):\n    return self.q(torch.cat([state, action], 1))",
        ["1,17", "1,6"],
    ),
    "a pair of states": (
        "self.words = nn.Embedding(90, 8)\nself.rnn = nn.LSTM(8, 6, 2)",
        "def forward(self, text, hidden):\n    return self.rnn(self.words(text), hidden)[0]",
        ["16,1:int64<90", "[2,1,6]", "[2,1,6]"],
    ),
    "atoms and bonds": (
        "self.kind = nn.Embedding(100, 8)\nself.far = nn.Linear(1, 8)",
        """
def forward(self, z, pos, edge_index):
    a, b = edge_index
    h = self.kind(z)
    far = self.far((pos[a] - pos[b]).norm(dim=-1, keepdim=True))
    return torch.zeros_like(h).index_add(0, b, h[a] * far)
""",
        ["16:int64<100", "16,3", "2,32:int64<16"],
    ),
    "words that are summed up": (
        "self.words = nn.Embedding(49, 10)\nself.fc = nn.Linear(10, 49)",
        "def forward(self, inputs):\n    return self.fc(sum(self.words(inputs)).view(1, -1))",
        ["16:int64<49"],
    ),
    "a sum of offsets for each table": (
        (
            "self.tables = nn.ModuleList([nn.EmbeddingBag(9, 4), nn.EmbeddingBag(7, 4)])\n"
            "self.dense = nn.Linear(13, 4)"
        ),
        (
            "def forward(self, dense, sparse):\n"
            "    made = [table(sparse[at]) for at, table in enumerate(self.tables)]\n"
            "    return torch.cat([self.dense(dense), *made], 1)"
        ),
        ["1,13", "2,1,16:int64<7"],
    ),
    "two tables of one text": (
        "self.words = nn.Embedding(90, 8)\nself.parts = nn.Embedding(3, 8)",
        "def forward(self, x, part):\n    return self.words(x) + self.parts(part)",
        ["1,16:int64<90", "1,16:int64<3"],
    ),
    "a sequence longer than what its forward sees": (
        "self.conv = nn.Conv1d(256, 8, 2, dilation=300)",
        """
def forward(self, x):
    x = x.transpose(1, 2)
    if x.size(2) <= 300:
        raise ValueError("too short")
    return self.conv(x)
""",
        ["1,1024,256"],
    ),
    "a shape that a view asks of the input": (
        "self.conv = nn.Conv2d(1, 5, (6, 8))",
        """
def forward(self, x):
    made = self.conv(x.view(-1, 1, 168, 8)).mean((2, 3))
    return made + x[:, -24:, :].mean((1, 2))[:, None]
""",
        ["1,168,8"],
    ),
}

BROKEN = {
    "a text whose axes were not turned for a convolution": (
        "self.words = nn.Embedding(90, 32)\nself.conv = nn.Conv1d(32, 8, 3)",
        "def forward(self, x):\n    return self.conv(self.words(x)).mean(2)",
        ["1,16:int64<90"],
    ),
    "keys that were not turned": (
        "self.q = nn.Linear(12, 64)\nself.k = nn.Linear(12, 64)",
        (
            "def forward(self, x):\n"
            "    b, t, f = x.shape\n"
            "    return torch.softmax(self.q(x) @ self.k(x), -1) @ self.k(x)"
        ),
        ["1,16,12"],
    ),
    "a state for the length": (
        "self.rnn = nn.LSTM(10, 32, batch_first=True)\nself.fc = nn.Linear(64, 5)",
        (
            "def forward(self, x):\n"
            "    h = torch.zeros(1, x.size(1), 32)\n"
            "    return self.fc(self.rnn(x, (h, h))[0][:, -1])"
        ),
        ["1,16,10"],
    ),
    "a fault behind a length that was found": (
        (
            "self.words = nn.Embedding(90, 50)\nself.a = nn.Linear(1000, 64)\n"
            "self.b = nn.Linear(32, 3)"
        ),
        "def forward(self, x):\n    return self.b(self.a(self.words(x).flatten(1)))",
        ["1,20:int64<90"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_fails_tells_the_size(in_folder: Path, case: str) -> None:
    layers, forward, expected = CASES[case]
    assert found(in_folder, written(layers, forward)) == expected


@pytest.mark.parametrize("case", BROKEN)
def test_a_fault_of_the_model_is_not_adjusted_away(in_folder: Path, case: str) -> None:
    layers, forward, expected = BROKEN[case]
    (in_folder / "net.py").write_text(written(layers, forward))
    inferred = infer_for(load("net.py"))
    assert inferred is not None
    assert not inferred.fits
    assert [format_input(spec) for spec in inferred.inputs] == expected


@pytest.mark.parametrize(
    ("layers", "forward", "message", "advice"),
    [
        (
            "self.a = nn.Linear(7, 2)",
            (
                "def forward(self, x):\n    b, t, c = x.shape\n"
                "    if b:\n        raise ValueError\n    return self.a(x)"
            ),
            (
                "net.py needs an input, and ran with none that were tried: "
                "`x` has 3 axes and is for `a` (in_features = 7)"
            ),
            "give its shape: --input 1,16,7",
        ),
        (
            "pass",
            "def forward(self, q, k):\n    b, h, t, d = q.shape\n    raise ValueError",
            "net.py needs inputs: `q` has 4 axes",
            "give the shape of each: --input 1,3,32,32 --input 1,3,32,32",
        ),
    ],
)
def test_what_is_known_is_said_where_nothing_runs(
    in_folder: Path, layers: str, forward: str, message: str, advice: str
) -> None:
    (in_folder / "net.py").write_text(written(layers, forward))
    with pytest.raises(ShapescopeError) as refused:
        own_inputs(load("net.py"))
    assert str(refused.value) == message
    assert [it.message for it in refused.value.diagnostic.help] == [advice]
