"""A real Chromium for the web pages: Debian's, driven by Playwright, that must load nothing from elsewhere."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Page

ARGUMENTS = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1200, "height": 900}


def chromium() -> str:
    """The browser's path; without it the test is skipped, in CI it fails."""
    binary = shutil.which("chromium")
    if binary is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed")
        pytest.skip("chromium is not installed")
    return binary


@contextlib.asynccontextmanager
async def page_of(url: str, **context: Any) -> AsyncIterator[Page]:
    """A page of a fresh browser. Whatever it loads from elsewhere, and every error of its scripts, fails the test."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        place = await browser.new_context(base_url=url, **{"viewport": DESK, **context})
        page = await place.new_page()
        page.on(
            "request", lambda request: complaints.append(request.url) if foreign(request.url, url) else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None,
        )
        yield page
        await browser.close()
    assert complaints == []


def foreign(address: str, url: str) -> bool:
    """Whether an address is not the service's own."""
    return not address.startswith(("data:", "blob:")) and urlsplit(address).netloc != urlsplit(url).netloc


async def barriers(page: Page) -> list[str]:
    """What axe finds that keeps somebody from using the page: rule and element."""
    found = await Axe().run(page)
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
    ]
