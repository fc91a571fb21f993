import jinja2
import pytest

from recsys.reports import page


def test_a_template_that_asks_for_what_it_was_not_given_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        page.render("span.html")


def test_every_page_forbids_scripts_and_whatever_is_not_in_it() -> None:
    html = page.render("base.html")
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"" in html
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html
