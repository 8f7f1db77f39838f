"""The web pages in a real Chromium: sending, going on after a cut, reading, comparing, in two languages, by anybody."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from artifacts_of_a_plan import SAMPLE, sample_artifacts
from browser import PHONE, barriers, page_of
from http_steps import accepted_job, aggregate, pdf, succeed
from playwright.async_api import expect

if TYPE_CHECKING:
    import httpx
    from http_steps import PlainServer
    from playwright.async_api import Page, Route

    from cluster.jobs import JobStore
    from cluster.storage import Storage

pytestmark = [pytest.mark.external, pytest.mark.timeout(120)]


@pytest.fixture
async def job(http: httpx.Client, store: JobStore, storage: Storage) -> str:
    """The page of a job with two evaluated plans and a file that is none."""
    files = [(name, SAMPLE.read_bytes()) for name in ("puerto-arrayan.pdf", "otro.pdf")]
    job_id = accepted_job(http, *files, ("carta.pdf", b"hola"))
    await succeed(store, storage, job_id, artifacts=sample_artifacts(), count=2)
    await aggregate(store, job_id)
    return f"/jobs/{job_id}"


def files_in(folder: Path, *names: str) -> list[str | Path]:
    """Files that pass for PDFs at the door, each of its own content."""
    paths = [folder / name for name in names]
    for path in paths:
        path.write_bytes(pdf(mark=path.name))
    return [*paths]


async def fill(page: Page, files: list[str | Path]) -> None:
    """Fill in the form as somebody would."""
    await page.goto("/")
    await page.locator("#files").set_input_files(files)
    await page.get_by_label("Departamento").fill("Cauca")
    await page.get_by_label("Municipio, o nombre del lote").fill("Timbiquí")


async def documents_of(page: Page) -> list[str]:
    """The names of the documents of the job whose page is shown."""
    answer = await page.request.get(page.url.replace("/jobs/", "/status/"))
    return sorted(document["name"] for document in (await answer.json())["documents"])


async def test_the_official_municipalities_are_suggested(server: PlainServer) -> None:
    """Those of the chosen department; and a municipality that only one department has fills the department in."""
    async with page_of(server.url) as page:
        await page.goto("/")
        suggested = page.locator("#municipalities option")
        await page.get_by_label("Departamento").fill("Cauca")
        await page.get_by_label("Municipio, o nombre del lote").focus()
        await expect(suggested).to_have_count(42)
        await page.get_by_label("Departamento").fill("")
        await page.get_by_label("Municipio, o nombre del lote").fill("Timbiquí")
        await page.get_by_label("Municipio, o nombre del lote").blur()
        await expect(page.get_by_label("Departamento")).to_have_value("Cauca")
        await expect(page.locator("#departments option")).to_have_count(33)


async def test_a_file_that_was_cut_off_is_sent_again(server: PlainServer, tmp_path: Path) -> None:
    """The row says so meanwhile; each file arrives once, and the job begins."""
    cuts = 2

    async def cut(route: Route) -> None:
        nonlocal cuts
        cuts -= 1
        await (route.abort("connectionreset") if cuts >= 0 else route.continue_())

    async with page_of(server.url) as page:
        await page.route("**/files/b.pdf", cut)
        await fill(page, files_in(tmp_path, "a.pdf", "b.pdf", "c.pdf"))
        await page.get_by_role("button", name="Enviar y evaluar").click()
        await expect(page.get_by_text("se cortó; se reintenta en")).to_be_visible()
        await page.wait_for_url("**/jobs/*")
        assert await documents_of(page) == ["a.pdf", "b.pdf", "c.pdf"]


async def test_a_batch_left_open_is_gone_on_with(server: PlainServer, tmp_path: Path) -> None:
    """After the page was closed in the middle, only what is missing is sent, into the same job."""
    files = files_in(tmp_path, "a.pdf", "b.pdf")
    async with page_of(server.url) as page:
        page.on("dialog", lambda dialog: dialog.accept())
        await page.route("**/files/b.pdf", lambda route: route.abort("connectionreset"))
        await fill(page, files)
        await page.get_by_role("button", name="Enviar y evaluar").click()
        await expect(page.locator(".files li.arrived")).to_have_count(1)
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
        await page.unroute("**/files/b.pdf")
        await fill(page, [])
        notice = page.locator("#unfinished")
        await expect(notice).to_contain_text("envío sin terminar de «Timbiquí»: llegaron 1 archivos")
        await page.locator("#files").set_input_files(files)
        await page.get_by_role("button", name="Enviar y evaluar").click()
        await page.wait_for_url("**/jobs/*")
        assert [address.rpartition("/")[2] for address in sent] == ["b.pdf"]
        assert await documents_of(page) == ["a.pdf", "b.pdf"]


async def test_what_is_refused_is_said_beside_the_file(server: PlainServer, tmp_path: Path) -> None:
    """A file that is no PDF inside is refused by the service; whoever sends decides about the others."""
    (tmp_path / "mala.pdf").write_bytes(b"hola")
    (tmp_path / "tabla.xlsx").write_bytes(b"PK")
    files = [*files_in(tmp_path, "buena.pdf"), tmp_path / "mala.pdf", tmp_path / "tabla.xlsx"]
    async with page_of(server.url) as page:
        await fill(page, files)
        await expect(page.locator(".files li", has_text="tabla.xlsx")).to_contain_text("no es un PDF")
        await page.get_by_role("button", name="Enviar y evaluar").click()
        await expect(page.locator(".files li", has_text="mala.pdf")).to_contain_text(
            "Un archivo no es un PDF."
        )
        await page.get_by_role("button", name="Evaluar los demás").click()
        await page.wait_for_url("**/jobs/*")
        assert await documents_of(page) == ["buena.pdf"]


async def test_sending_can_be_cancelled(server: PlainServer, tmp_path: Path) -> None:
    """Nothing of it stays at the service, and the form can be used again."""
    async with page_of(server.url) as page:
        await page.route("**/files/*", lambda route: route.abort("connectionreset"))
        await fill(page, files_in(tmp_path, "a.pdf"))
        async with page.expect_response("**/upload/jobs") as opened:
            await page.get_by_role("button", name="Enviar y evaluar").click()
        job_id = (await (await opened.value).json())["job_id"]
        await page.get_by_role("button", name="Cancelar el envío").click()
        await expect(page.get_by_text("Envío descartado.")).to_be_visible()
        await expect(page.get_by_role("button", name="Enviar y evaluar")).to_be_enabled()
        assert (await page.request.get(f"/status/{job_id}")).status in {404, 410}


async def test_without_scripts_everything_works(server: PlainServer, tmp_path: Path) -> None:
    """The form is one request that leads to the job."""
    async with page_of(server.url, java_script_enabled=False) as page:
        await fill(page, files_in(tmp_path, "a.pdf", "b.pdf"))
        await page.get_by_role("button", name="Enviar y evaluar").click()
        await page.wait_for_url("**/jobs/*")
        await expect(page.locator("tbody tr")).to_have_count(2)


async def test_plans_are_compared_and_sorted(server: PlainServer, job: str) -> None:
    """A table by point that its heads sort, a small heat map of each plan, and the way to a plan's questions."""
    async with page_of(server.url) as page:
        await page.goto(job)
        await page.get_by_role("link", name="Comparar los planes").click()
        await expect(page.locator("figure")).to_have_count(2)
        await expect(page.locator("figure").first.locator("tbody td")).to_have_count(60)
        names = page.locator("table.sortable").first.locator("tbody th")
        await page.get_by_role("button", name="Plan", exact=True).first.click()
        assert [name.strip() for name in await names.all_inner_texts()] == ["otro.pdf", "puerto-arrayan.pdf"]
        await page.get_by_role("button", name="Plan", exact=True).first.click()
        assert [name.strip() for name in await names.all_inner_texts()] == ["puerto-arrayan.pdf", "otro.pdf"]
        await page.get_by_role("link", name="otro.pdf, P4").click()
        await expect(page.locator("article")).to_have_count(30)


async def test_the_same_page_in_english_and_back(server: PlainServer, job: str) -> None:
    """The switch keeps the page; what the plan and the questionnaire say stays Spanish and says so."""
    async with page_of(server.url) as page:
        await page.goto(f"{job}/documents/d0001")
        await page.get_by_role("button", name="English").click()
        assert page.url.endswith(f"{job}/documents/d0001")
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await expect(page.get_by_role("heading", name="Points and dimensions")).to_be_visible()
        await expect(page.locator("tbody th").first).to_have_attribute("lang", "es")
        assert re.search(r"\d\.\d\d", await page.locator("td.number").first.inner_text())
        await page.get_by_role("button", name="Español").click()
        await expect(page.get_by_role("heading", name="Puntos y dimensiones")).to_be_visible()


async def test_passages_are_walked_by_keyboard(server: PlainServer, job: str) -> None:
    """From the heat map to a point and its first passage with Tab and Enter, then on with the arrows."""
    async with page_of(server.url) as page:
        await page.goto(f"{job}/documents/d0001/points/P1")
        first = page.locator("blockquote a").first
        await first.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Pasaje ")).to_be_visible()
        before = page.url
        await page.keyboard.press("ArrowRight")
        await expect(page).not_to_have_url(before)
        await page.keyboard.press("ArrowLeft")
        await expect(page).to_have_url(before)


PAGES = (
    "/",
    "",
    "/compare",
    "/documents/d0001",
    "/documents/d0001/points/P1",
    "evidence",
    "/entrar",
    "/docs",
)


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_nobody_is_kept_out(server: PlainServer, job: str, colours: str) -> None:
    """No page has a barrier that axe knows, in light or dark; on a phone none is wider than the screen."""
    async with page_of(server.url, color_scheme=colours, viewport=PHONE) as page:
        for rest in PAGES:
            if rest == "evidence":
                await page.goto(f"{job}/documents/d0001/points/P1")
                await page.locator("blockquote a").first.click()
            else:
                await page.goto(rest if rest in {"/", "/entrar", "/docs"} else job + rest)
            assert await barriers(page) == [], rest
            wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, rest


async def test_a_reviewer_corrects_and_withdraws(server: PlainServer, job: str) -> None:
    """The correction stands beside the machine's answer with who and why, moves the scores, and can be taken back."""
    point = f"{job}/documents/d0001/points/P1"
    async with page_of(server.url) as page:
        await page.goto(point)
        before = await page.locator(".result .score").inner_text()
        unmet = page.locator("li.unmet").first
        name = (await unmet.get_by_role("link", name="Corregir").get_attribute("aria-label") or "").split()[
            -1
        ]
        await unmet.get_by_role("link", name="Corregir").click()
        await page.get_by_label("Razón").fill("Se lee en el anexo <b>2</b>.")
        await page.get_by_label("Quién corrige").fill("Ana Ñáñez")
        await page.get_by_label("Página del plan").fill("2")
        assert await barriers(page) == []
        await page.get_by_role("button", name="Guardar la corrección").click()

        assert page.url.endswith(f"/points/P1#{name[:-2]}")
        said = page.locator("li.met .notice")
        await expect(said).to_contain_text("Corregido por Ana Ñáñez")
        await expect(said).to_contain_text("Se lee en el anexo <b>2</b>. (página 2)")
        await expect(page.locator(".result .score")).not_to_have_text(before)
        await page.goto(f"{job}/documents/d0001")
        await expect(page.get_by_text("Con una corrección de revisores")).to_be_visible()

        await page.get_by_role("link", name=name).click()
        await expect(page.get_by_label("Quién corrige")).to_have_value("Ana Ñáñez")
        await page.get_by_role("button", name="Retirar la corrección").click()
        await expect(page.locator(".result .score")).to_have_text(before)


async def test_what_the_machine_saw_wrongly_is_corrected_and_taken_back(
    server: PlainServer, job: str
) -> None:
    """A criterion that is not met after all: the page of its point stays, with the passage that was rejected."""
    async with page_of(server.url) as page:
        await page.goto(f"{job}/documents/d0001/points/P1")
        met = page.locator("li.met").first
        before = await page.locator("li.met").count()
        await met.get_by_role("link", name="Corregir").click()
        await page.get_by_label("Razón").fill("El pasaje habla de otro municipio.")
        await page.get_by_label("Quién corrige").fill("Ana Ñáñez")
        await page.get_by_role("button", name="Guardar la corrección").click()

        corrected = page.locator("li.unmet", has_text="El pasaje habla de otro municipio.")
        await expect(corrected).to_contain_text("La evaluación automática se apoyaba en:")
        await expect(page.locator("li.met")).to_have_count(before - 1)
        await corrected.get_by_role("link", name="Corregir").click()
        await page.get_by_role("button", name="Retirar la corrección").click()
        await expect(page.locator("li.met")).to_have_count(before)


async def test_two_reviewers_do_not_overwrite_each_other(server: PlainServer, job: str) -> None:
    """Who began before the other saved is told so, and nothing of the other's is lost."""
    form = f"{job}/documents/d0001/correct?target=P9"
    async with page_of(server.url) as slow, page_of(server.url) as quick:
        for page in (slow, quick):
            await page.goto(form)
            await page.get_by_label("Razón").fill("No hay cárcel en el municipio.")
        await quick.get_by_label("Quién corrige").fill("Rápida")
        await quick.get_by_role("button", name="Guardar la corrección").click()
        await expect(quick.get_by_text("No aplica a este municipio.")).to_be_visible()
        await slow.get_by_label("Razón").fill("Otra razón.")
        await slow.get_by_label("Quién corrige").fill("Lenta")
        await slow.get_by_role("button", name="Guardar la corrección").click()
        await expect(slow.get_by_text("Otra persona corrigió esta evaluación mientras tanto")).to_be_visible()
        await slow.goto(form)
        await expect(slow.get_by_text("Corregido por Rápida")).to_be_visible()
