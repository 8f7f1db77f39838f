"""A page as a test reads it: what it links to, loads and asks for, and what stands where."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """What a page links to, loads and asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.inline: list[str] = []
        self.fields: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down what matters of a tag."""
        given = {name: value or "" for name, value in attrs}
        self.targets += [given[name] for name in ("href", "src", "action") if name in given]
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        if tag in {"input", "textarea"} and "name" in given:
            self.fields[given["name"]] = given.get("value", "")
