"""Functions written in functions are found by their code."""

from __future__ import annotations

from shapescope.capture.code_objects import codes_of

SOURCE = """
def outer():
    class Inner:
        def method(self):
            return lambda: 0

    def helper():
        pass
"""


def test_codes_come_from_the_outside_in() -> None:
    whole = compile(SOURCE, "<source>", "exec")
    names = [code.co_name for code in codes_of(whole)]
    assert names == ["<module>", "outer", "Inner", "method", "<lambda>", "helper"]
