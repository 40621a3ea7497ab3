"""What people of each role do with the console, in a real browser."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import HOSTILE, NAMES, SECOND, sign_in
from playwright.sync_api import Page, expect
from running import Running

from serving.access.roles import Role


def _first_open(page: Page, at: int = 0) -> str:
    """Open an entry of the list; the consignment's id."""
    link = page.locator("a.open").nth(at)
    name = link.inner_text()
    link.click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    return name


def test_an_officer_gets_from_the_login_to_a_recorded_result_in_twelve_steps_or_fewer(page: Page) -> None:
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    page.goto("/")
    page.get_by_label("Name").fill(NAMES[Role.OFFICER])
    step()
    page.get_by_label("Password").fill("a long enough pass phrase 17")
    step()
    page.get_by_role("button", name="Sign in").click()
    step()
    name = _first_open(page, 4)
    step()
    page.get_by_role("button", name="Claim").click()
    step()
    expect(page.get_by_role("status")).to_contain_text("yours for")
    form = page.locator("form[action='/act/inspection']")
    form.get_by_label("Result").select_option("wildlife")
    step()
    form.get_by_label("Depth").select_option("full")
    step()
    form.get_by_label("Species").fill("Manis")
    step()
    form.get_by_label("Quantity").fill("120")
    step()
    form.get_by_label("Unit").fill("kg")
    step()
    form.get_by_role("button", name="Record").click()
    step()
    expect(page.get_by_role("status")).to_contain_text("Recorded")
    expect(page.locator("table", has_text="Manis").first).to_contain_text("120 kg")
    assert steps <= 12
    page.goto("/?state=inspected")
    expect(page.locator("a.open", has_text=re.compile(f"^{re.escape(name)}$"))).to_be_visible()
    page.goto(f"/consignments/{name}")
    page.get_by_label("Later finding of a laboratory").fill("DNA: Manis javanica")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("status")).to_contain_text("correction")
    expect(page.locator("table", has_text="DNA: Manis javanica").first).to_be_visible()


def test_reasons_record_route_and_history_stand_on_the_page_of_a_consignment(page: Page) -> None:
    sign_in(page, Role.SUPERVISOR)
    _first_open(page, 1)
    for heading in ("Why it is here", "Goods and parties", "Route", "The consignee until now", "Versions",
                    "How it was scored"):  # fmt: skip
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(page.locator("ol.reasons li").first).to_contain_text(re.compile("raises|lowers"))
    expect(page.locator("svg.map")).to_be_visible()
    page.get_by_role("button", name="Compute it again").click()
    expect(page.get_by_role("status")).to_contain_text("Computed again: the same.")


def test_two_officers_cannot_hold_one_consignment_and_the_second_is_told_who_does(page: Page) -> None:
    sign_in(page, Role.OFFICER)
    name = _first_open(page, 2)
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_role("status")).to_contain_text("yours for")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, Role.SUPERVISOR)
    page.goto(f"/consignments/{name}")
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_role("status")).to_contain_text(f"held by {NAMES[Role.OFFICER]}")


def test_a_grave_consignment_leaves_red_only_when_a_second_person_confirms(page: Page) -> None:
    sign_in(page, Role.SUPERVISOR)
    name = "HOSTILE-1"  # alone in its manifest, so it was selected
    page.goto(f"/consignments/{name}")
    form = page.locator("form[action='/act/lane']")
    form.get_by_label("Lane").select_option("green")
    form.get_by_label("Reason").fill("opened yesterday by another agency")
    form.get_by_role("button", name="Change the lane").click()
    expect(page.get_by_role("status")).to_contain_text("second person")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, SECOND)
    page.goto(f"/consignments/{name}")
    expect(page.locator("form[action='/act/second']")).to_contain_text("opened yesterday")
    page.locator("form[action='/act/second']").get_by_label("Reason").fill("agreed")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("status")).to_contain_text("Confirmed.")
    page.goto("/supervision")
    expect(page.get_by_role("heading", name="Overrides")).to_be_visible()
    expect(page.locator("table", has_text="opened yesterday by another agency")).to_be_visible()


def test_a_data_scientist_sees_champion_figures_and_what_the_model_reads(page: Page) -> None:
    sign_in(page, Role.DATA_SCIENTIST)
    page.goto("/models")
    expect(page.get_by_role("heading", name=re.compile("champion"))).to_be_visible()
    expect(page.locator("svg.chart").first).to_be_visible()


def test_an_administrator_adds_a_person_and_makes_a_key_that_is_shown_once(page: Page) -> None:
    sign_in(page, Role.ADMINISTRATOR)
    page.goto("/administration")
    form = page.locator("form[action='/administration/people']").last
    form.get_by_label("Name").fill("new.officer")
    form.get_by_label("Password").fill("another long pass phrase 23")
    form.get_by_label("officer", exact=True).check()
    form.get_by_role("button", name="Add").click()
    expect(page.get_by_role("cell", name="new.officer")).to_be_visible()
    form = page.locator("form[action='/administration/keys']").last
    form.get_by_label("Name of the system").fill("port.system")
    form.get_by_label("operator").check()
    form.get_by_role("button", name="Make a key").click()
    expect(page.get_by_role("status")).to_contain_text("risk_")
    page.goto("/administration")
    expect(page.get_by_role("cell", name="port.system")).to_be_visible()
    assert "shown this once" not in page.content()


def test_an_auditor_reads_who_did_what_and_checks_the_chain(page: Page) -> None:
    sign_in(page, Role.AUDITOR)
    page.goto("/record")
    expect(page.get_by_role("cell", name="session.begin").first).to_be_visible()
    page.get_by_role("button", name="Check the chain").click()
    expect(page.get_by_role("status")).to_contain_text("The chain is sound")


@pytest.mark.parametrize(
    ("role", "path"),
    [(Role.OFFICER, "/administration"), (Role.OPERATOR, "/consignments/HOSTILE-1"),
     (Role.OFFICER, "/record"), (Role.AUDITOR, "/supervision")],
)  # fmt: skip
def test_a_page_that_is_not_for_a_role_says_so(page: Page, role: Role, path: str) -> None:
    page.on("console", lambda said: None)
    sign_in(page, role)
    answer = page.request.get(path)
    assert answer.status == 403
    assert "Not allowed" in answer.text()


@pytest.mark.parametrize(
    ("code", "title"), [("fr", "Liste de travail"), ("vi", "Danh sách công việc"), ("zh", "工作列表")]
)
def test_the_console_speaks_each_language(page: Page, code: str, title: str) -> None:
    sign_in(page, Role.OFFICER)
    page.locator("select[name=language]").select_option(code)
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)
    assert page.locator("html").get_attribute("lang") == code
    page.locator("a.open").first.click()
    expect(page.locator("ol.reasons")).to_be_visible()


def test_a_search_opens_the_one_consignment_it_finds_and_says_what_to_do_when_there_is_none(page: Page) -> None:
    sign_in(page, Role.OFFICER)
    page.get_by_role("searchbox").fill("msku1234560")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", level=1, name="HOSTILE-1")).to_be_visible()
    expect(page.get_by_text("check digit is wrong")).to_be_visible()
    page.goto("/?q=zzzz")
    expect(page.get_by_text("Nothing was found")).to_be_visible()
    page.goto("/?mode=rail")
    expect(page.get_by_text("No consignment fits")).to_be_visible()


def test_the_list_is_worked_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/login")
    page.keyboard.type(NAMES[Role.OFFICER])
    page.keyboard.press("Tab")
    page.keyboard.type("a long enough pass phrase 17")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    second = page.locator("a.open").nth(0).inner_text()
    assert page.evaluate("document.activeElement.innerText") == second
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name=second)).to_be_visible()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "result":
            break
    page.keyboard.press("n")
    assert page.evaluate("document.activeElement.value") == "nothing"


def test_every_text_that_was_filed_stays_text(page: Page) -> None:
    sign_in(page, Role.SUPERVISOR)
    page.goto("/consignments/HOSTILE-1")
    assert page.title() == "HOSTILE-1"
    assert page.locator("main script, main img").count() == 0
    assert page.get_by_text(HOSTILE).count() >= 5
    page.goto(f"/?q={HOSTILE}")  # it finds the one consignment that says so
    assert page.title() == "HOSTILE-1"
    page.goto("/consignments/HOSTILE-1?said=%3Cscript%3Ealert(1)%3C/script%3E")
    assert page.locator("main script").count() == 0


@pytest.mark.parametrize(
    ("role", "path"),
    [(Role.OFFICER, "/"), (Role.OFFICER, "/consignments/HOSTILE-1"), (Role.SUPERVISOR, "/supervision"),
     (Role.DATA_SCIENTIST, "/models"), (Role.ADMINISTRATOR, "/administration"), (Role.AUDITOR, "/record")],
)  # fmt: skip
def test_no_page_has_a_serious_barrier_and_none_is_wider_than_a_phone(page: Page, role: Role, path: str) -> None:
    sign_in(page, role)
    page.goto(path)
    found = Axe().run(page)
    grave = [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
    assert not grave, [(one["id"], one["nodes"][0]["html"]) for one in grave]
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_first_page_is_light(page: Page, console: Running) -> None:
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(len(answer.body())) if answer.status == 200 else None)
    sign_in(page, Role.OFFICER)
    expect(page.locator("a.open").first).to_be_visible()
    assert sum(sizes) < 300_000
