"""What a page of HTML is made of."""

from __future__ import annotations

from html.parser import HTMLParser


class Tags(HTMLParser):
    """The names of the tags of a page, each of which must be closed in its turn."""

    VOID = frozenset({"meta", "link", "br", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    @staticmethod
    def of(html: str) -> set[str]:
        """Those that a page has."""
        tags = Tags()
        tags.feed(html)
        tags.close()
        assert tags.open == []
        return tags.seen

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """The parser calls it."""
        self.seen.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """The parser calls it."""
        if tag not in self.VOID:
            assert self.open.pop() == tag
