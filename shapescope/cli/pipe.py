"""What to do when the reader of our output has gone."""

from __future__ import annotations

import os
import sys


def leave_pipe() -> None:
    """Send what is still to come to nowhere, so that the end is quiet too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
