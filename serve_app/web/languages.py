"""In which language the pages speak: Spanish, or English for who asked for it. What plans say stays as it is.

The sentences of the templates are Spanish and are their own keys; ``locale/en.po`` has the English ones. A sentence
without a translation is shown in Spanish.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from gettext import NullTranslations
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations
from starlette.datastructures import Headers

from pipeline.scoring import hundredths

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

SPANISH, ENGLISH = "es", "en"
LANGUAGES = {SPANISH: "Español", ENGLISH: "English"}
"""By code, named in the language itself."""
LOCALES = {SPANISH: "es_CO", ENGLISH: "en_GB"}
"""How numbers are written."""
LANGUAGE_COOKIE = "decalogo_idioma"


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads: in which language, and which page, so that another language can be chosen for the same one."""

    language: str = SPANISH
    path: str = "/"


_current: ContextVar[Reading] = ContextVar("reading", default=Reading())  # noqa: B039  it is frozen


def current() -> Reading:
    """The request that is being answered."""
    return _current.get()


def translated(sentence: str) -> str:
    """The sentence in the language of the request."""
    return translations(current().language).gettext(sentence)


def decimal(value: float) -> str:
    """A number with two decimals as the readers of the page write it."""
    return str(format_decimal(hundredths(value), format="0.00", locale=LOCALES[current().language]))


@cache
def translations(language: str) -> NullTranslations:
    """The sentences of a language by the Spanish ones."""
    source = files("serve_app.web") / "locale" / f"{language}.po"
    if not source.is_file():
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(source.read_bytes()), locale=language))
    compiled.seek(0)
    return Translations(compiled)


class Language:
    """The outermost layer of the pages: what they are made of speaks the language that the browser's cookie names."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        query = scope["query_string"].decode("ascii", errors="ignore")
        path = scope["path"] + (f"?{query}" if query else "")
        token = _current.set(Reading(_wanted(Headers(scope=scope).get("cookie", "")), path))
        try:
            await self._app(scope, receive, send)
        finally:
            _current.reset(token)


def _wanted(cookie: str) -> str:
    try:
        found = SimpleCookie(cookie).get(LANGUAGE_COOKIE)
    except CookieError:
        return SPANISH
    return found.value if found is not None and found.value in LANGUAGES else SPANISH
