"""The storefront as a person uses it, in Debian's Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fake_store import app_id, eventually, publish, server, wait_for, workspace_at
from playwright.sync_api import Browser, Page, expect, sync_playwright

from recsys.workspace import Workspace

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    *("--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: `apt-get install -y chromium` brings it."
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    workspace = workspace_at(tmp_path_factory.mktemp("storefront"))
    publish(workspace, "v1")
    with server(workspace) as address:
        wait_for(address)
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test if a script throws, or if another host is asked."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda request: hosts.add(request.url.split("/")[2].split(":")[0]))
    hosts: set[str] = set()
    yield opened
    opened.close()
    assert errors == []
    assert hosts == {"127.0.0.1"}


def card(page: Page, number: int) -> str:
    return f'#cards [data-app-id="{app_id(number)}"]'


def test_a_person_is_picked_by_keyboard(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_have_text("u000")
    box = page.get_by_role("combobox", name="Whose shelf")
    box.fill("u01")
    expect(page.locator("#people").get_by_role("option")).to_have_count(10)
    box.press("ArrowDown")
    box.press("ArrowDown")
    active = box.get_attribute("aria-activedescendant")
    expect(page.locator(f"#{active}")).to_contain_text("u011")
    box.press("ArrowUp")
    box.press("ArrowDown")
    box.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("u011")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"\?user=u011$"))
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("u000")


def test_the_shelf_shows_what_the_server_recommends(page: Page, url: str) -> None:
    page.goto(f"{url}/?user=u002")
    expect(page.locator("#cards .card .act")).to_have_count(18)
    first = page.locator("#cards .card").first
    expect(first).to_contain_text("Sourdough")
    expect(first).to_contain_text("Food")
    expect(first).to_contain_text("retrieval")
    expect(first).to_contain_text("50% likely")
    expect(page.locator("#profile li")).to_have_text(["India", "Portuguese", "Phone", "25-34"])
    expect(page.locator("#installed .tile")).to_have_count(2)
    expect(page.locator("#made")).to_contain_text(re.compile(r"v1 18 apps in \d+\.\d ms"))


def test_an_installed_app_leaves_the_shelf_and_joins_the_device(page: Page, url: str) -> None:
    page.goto(f"{url}/?user=u010")
    page.locator(card(page, 0)).get_by_role("button", name="Install Morning Pages").click()
    expect(page.get_by_role("status")).to_contain_text("Installed Morning Pages")
    expect(page.locator(card(page, 0))).to_have_count(0)
    expect(page.locator("#cards .card")).to_have_count(18)
    expect(page.locator("#installed .tile")).to_have_count(1)
    installed = httpx.get(f"{url}/v1/users/u010").json()["installed"]
    assert [app["app_id"] for app in installed] == [app_id(0)]
    page.reload()
    expect(page.locator("#installed .tile")).to_have_count(1)

    page.locator("#installed .tile").hover()
    page.get_by_role("button", name="Uninstall Morning Pages").click()
    expect(page.locator(card(page, 0))).to_have_count(1)
    expect(page.locator("#installed .tile")).to_have_count(0)


def test_an_install_by_keyboard_keeps_the_focus_on_the_shelf(page: Page, url: str) -> None:
    page.goto(f"{url}/?user=u015")
    page.get_by_role("button", name="Install Morning Pages").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Install Tidal Chart")).to_be_focused()


def test_an_app_opens_with_its_neighbours(page: Page, url: str) -> None:
    page.goto(f"{url}/?user=u020")
    page.get_by_role("button", name="Morning Pages", exact=True).click()
    sheet = page.get_by_role("dialog", name="Morning Pages")
    expect(sheet).to_contain_text("$2.99")
    neighbour = sheet.get_by_role("button", name="Nightingale")
    neighbour.click()
    expect(page.get_by_role("dialog", name="Nightingale")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_context_is_picked_and_kept_in_the_address(page: Page, url: str) -> None:
    page.goto(f"{url}/?user=u000")
    expect(page.locator(card(page, 9))).to_have_count(0)
    page.get_by_label("Country").select_option("NO")
    expect(page.locator(card(page, 9))).to_have_count(1)
    expect(page).to_have_url(re.compile("country=NO"))
    page.reload()
    expect(page.get_by_label("Country")).to_have_value("NO")
    expect(page.locator(card(page, 9))).to_have_count(1)


def test_a_stranger_gets_a_shelf(page: Page, url: str) -> None:
    page.goto(f"{url}/?user=somebody%20%3Cb%3Enew")
    expect(page.get_by_role("heading", level=1)).to_have_text("somebody <b>new")
    expect(page.locator("#profile")).to_contain_text("nothing is known yet")
    expect(page.locator("#cards .card .act")).to_have_count(18)


@pytest.mark.parametrize("address", ["/?user=u004", "/docs"])
@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_scrolls_one_way_only(page: Page, url: str, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(url + address)
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_store_that_opens_late_is_waited_for(page: Page, workspace: Workspace) -> None:
    with server(workspace) as address:
        eventually(lambda: "no bundle" in httpx.get(f"{address}/readyz").text)
        page.goto(address)
        expect(page.get_by_role("alert")).to_contain_text("No bundle serves yet")
        publish(workspace, "v1")
        expect(page.locator("#cards .card .act")).to_have_count(18)
        expect(page.get_by_role("alert")).to_be_hidden()
    page.locator(card(page, 0)).get_by_role("button", name="Install").click()
    expect(page.get_by_role("alert")).to_contain_text("Is it running?")


def test_the_page_for_the_api_shows_every_endpoint(page: Page, url: str) -> None:
    page.goto(f"{url}/docs")
    documented = httpx.get(f"{url}/openapi.json").json()["paths"]
    expect(page.locator(".endpoint")).to_have_count(len(documented))
    page.get_by_text("/v1/events").click()
    expect(page.get_by_role("rowheader", name="event_id")).to_be_visible()
