"""Charts as an SVG file of their own, for a page in Markdown: the same shapes and colours as a
page's, light or dark as its reader has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recsys.reports import page
from recsys.reports.charts import Chart


@dataclass(frozen=True)
class Panel:
    """One chart of a drawing."""

    title: str
    chart: Chart
    x: str
    """What the horizontal axis is."""
    key: Mapping[str, str]
    """What shapes are called, by their kind; none where there is but one."""


def drawing(panels: Sequence[Panel]) -> str:
    """The file's text: the panels side by side."""
    return page.render("drawing.svg", panels=panels)
