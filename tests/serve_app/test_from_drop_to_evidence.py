"""The whole way of somebody with plans in hand, in a real Chromium, on the whole service."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import page_of
from playwright.async_api import expect

if TYPE_CHECKING:
    from conftest import Service
    from playwright.async_api import Page

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DROP = """(area, files) => {
  const carried = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    carried.items.add(new File([bytes], name, { type: "application/pdf" }));
  }
  area.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
}"""


async def drop(page: Page, *paths: Path) -> None:
    """Drop files on the form, as from a folder."""
    carried = [(path.name, base64.b64encode(path.read_bytes()).decode()) for path in paths]
    await page.locator("#drop").evaluate(DROP, carried)


async def top_of(page: Page, selector: str) -> float:
    """Where the upper edge of an element stands in the window, in pixels."""
    found: float = await page.locator(selector).evaluate("element => element.getBoundingClientRect().top")
    return found


async def bottom_of(page: Page, selector: str) -> float:
    """Where the lower edge of an element stands in the window, in pixels."""
    found: float = await page.locator(selector).evaluate("element => element.getBoundingClientRect().bottom")
    return found


@pytest.mark.service
@pytest.mark.external
async def test_from_drop_to_evidence(service: Service, tmp_path: Path) -> None:
    """Plans are dropped, followed while they are evaluated, compared, and read down to the marked passage."""
    plans = sorted(EXAMPLES.glob("*.pdf"))
    async with page_of(service.url) as page:
        await page.goto("/")
        await drop(page, *plans)
        await expect(page.locator(".files li")).to_have_count(len(plans))
        await page.get_by_label("Departamento").fill("Nariño")
        await page.get_by_label("Municipio, o nombre del lote").fill("Tres municipios")
        await page.get_by_role("button", name="Enviar y evaluar").click()

        await page.wait_for_url("**/jobs/*")
        await expect(page.get_by_text("Terminado", exact=True)).to_be_visible(timeout=90_000)
        await expect(page.locator("tbody tr td.state-succeeded")).to_have_count(len(plans))
        await page.screenshot(path=tmp_path / "job.png")
        await page.get_by_role("link", name="Comparar los planes").click()
        await expect(page.locator("figure")).to_have_count(len(plans))
        await page.locator("figure a").last.click()

        cell = page.locator("table.heat tbody td.number a").first
        score = await cell.inner_text()
        await cell.click()
        await expect(page.locator("#D1 h2 .score")).to_have_text(score)
        # The title that a cell leads to stands below the row of points, which stays at the top.
        assert await top_of(page, "#D1 h2") >= await bottom_of(page, "nav.points")
        await expect(page.locator("li.unmet", has_text="Se buscó:").first).to_be_visible()
        quote = page.locator("li.met blockquote").first
        said = (await quote.inner_text()).splitlines()[-1]
        await quote.get_by_role("link").click()

        await expect(page.locator(".viewer blockquote")).to_have_text(said)
        drawn = page.locator(".viewer img").first
        await expect(drawn).to_be_visible()
        assert await drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") > 500
        await page.screenshot(path=tmp_path / "evidence.png")
        before = page.url
        await page.get_by_role("link", name=re.compile("Siguiente|Anterior")).last.click()
        await expect(page).not_to_have_url(before)
        await expect(page.locator(".viewer img").first).to_be_visible()
