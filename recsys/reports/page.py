"""One HTML file from a template of this package and values.

A page needs no script and nothing from the network: its style lies inside it, and its plots are
inline SVG in the colours of the page, light or dark. Values come from data that nobody vetted, so
whatever a template shows is escaped, and the page forbids scripts besides.

A template extends `base.html` and fills the blocks `title`, `head` and `body`.
"""

from __future__ import annotations

import functools
from typing import Any, Literal, NamedTuple

import jinja2

from recsys.reports import figures


class Headline(NamedTuple):
    """The first thing that a page says."""

    tone: Literal["good", "warning", "error"]
    sign: str
    sentence: str

    @staticmethod
    def good(sentence: str) -> Headline:
        """All is well."""
        return Headline("good", "✓", sentence)

    @staticmethod
    def warning(sentence: str) -> Headline:
        """A person should look, and nothing was stopped."""
        return Headline("warning", "!", sentence)

    @staticmethod
    def error(sentence: str) -> Headline:
        """Something was stopped."""
        return Headline("error", "✕", sentence)


def render(template: str, **values: Any) -> str:
    """The page of a template.

    Args:
        template: name of a file in `recsys/reports/templates/`.
        values: what it shows; a template that asks for another is an error.
    """
    return _environment().get_template(template).render(values)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "change": figures.change,
        "change_interval": figures.change_interval,
        "count": figures.count,
        "figure": figures.figure,
        "interval": figures.interval,
        "metric": figures.metric,
        "p_value": figures.p_value,
        "sentence": figures.sentence,
        "share": figures.share,
        "value": figures.value,
    }
    return environment
