"""The report: one self-contained page about a model, and about a run of it.

`page.py` puts it together; `data.py` is what its script reads, `report.html.j2`, `report.css` and
the scripts lie beside them and are all written into the page: it loads nothing from anywhere.
"""

from __future__ import annotations

from shapescope.render.report.page import report_html
from shapescope.render.report.run_view import Exhibit, RunView

__all__ = ["Exhibit", "RunView", "report_html"]
