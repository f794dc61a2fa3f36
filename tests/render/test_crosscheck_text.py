from __future__ import annotations

from shapescope.capture.further.crosscheck import CrossCheck, Difference, Peer
from shapescope.render.crosscheck import crosscheck_lines
from shapescope.render.line import plain_text
from shapescope.render.theme import Surface
from shapescope.result import TraceResult


def test_peers_and_what_makes_the_difference(network: TraceResult) -> None:
    found = CrossCheck(
        (Peer("torchinfo", 32_998, 239_802), Peer("torch", problem="RuntimeError: no")),
        (Difference("torchinfo", "MACs", 7_362, "it adds the bias of layers"),),
    )
    assert plain_text(crosscheck_lines(network, found, Surface(width=80))) == (
        "crosscheck  params     MACs\n"
        "shapescope  32,998  232,440\n"
        "torchinfo   32,998  239,802\n"
        "torch                        RuntimeError: no\n"
        "  +7,362 MACs in torchinfo: it adds the bias of layers\n"
    )


def test_agreement_is_told(network: TraceResult) -> None:
    found = CrossCheck((Peer("torch", 32_998, 232_440),), ())
    assert plain_text(crosscheck_lines(network, found, Surface())).endswith("  all agree\n")
