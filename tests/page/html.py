"""HTML as a browser sees it: tags, attributes and text."""

from html.parser import HTMLParser


class ParsedPage(HTMLParser):
    """Collects what a piece of HTML holds, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, attribute: str) -> list[str | None]:
        """List the values of an attribute, one for each tag that has it."""
        return [attributes[attribute] for _, attributes in self.tags if attribute in attributes]
