"""Jobs in a browser.

Covers: an inventory from its form to the map, with its log; the corrected inventory; what is wrong
with a form; a job that waits, cancelled; what improving brought, in both outcomes.
"""

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.browser.conftest import OpenPage
from tests.server.browser.reviewing import Server, begin, press

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.slow
_LONG_MS = 180_000  # a job starts a process of its own


def open_form(page: "Page", kind: str) -> None:
    page.locator(".rail-button").filter(has_text="Jobs").click()
    page.locator(".job-kind").filter(has_text=kind).click()


def test_an_inventory_from_its_form_to_the_map(open_page: OpenPage, server: Server) -> None:
    page = open_page()
    rows = server.get(f"inventories/{server.inventory}/features?limit=100")["rows"]
    areas = sorted((row["area_m2"] for row in rows), reverse=True)
    open_form(page, "Make an inventory")
    assert page.get_by_label("Map or inventory").locator("option").all_inner_texts() == ["map"]
    page.get_by_label("Minimum mapping unit").fill(str(round((areas[6] + areas[7]) / 2)))
    page.get_by_label("With a report").uncheck()
    page.get_by_label("Name of the result").fill("larger")
    page.get_by_role("button", name="Start").click()
    job = page.locator(".job").filter(has_text="larger")
    job.get_by_text("done").wait_for(timeout=_LONG_MS)
    page.get_by_text("Make an inventory: larger is done.").wait_for()
    job.get_by_role("button", name="Show").click()
    made = next(one for one in server.get("workspace")["inventories"] if one["name"] == "larger")
    assert made["count"] == 7
    shown = page.locator(".inventory-picker option:checked")
    shown.filter(has_text="larger").wait_for(state="attached")
    page.locator(".job-log").wait_for()  # of a job that was started here it is open
    job.get_by_role("button", name="Hide the log").click()
    page.locator(".job-log").wait_for(state="detached")


def test_jobs_are_asked_for_once_a_second_at_most(open_page: OpenPage) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if one.url.endswith("/jobs") else None)
    page.locator(".rail-button").filter(has_text="Jobs").click()
    page.locator(".job-kind").first.wait_for()
    page.wait_for_timeout(3000)
    assert 1 <= len(asked) <= 4


def test_the_corrected_inventory_holds_what_was_left(open_page: OpenPage, server: Server) -> None:
    # the page would open the one that the test before made
    page = begin(open_page, "Ada", view=f"#inventory={server.inventory}")
    press(page, "r", "r", "a")
    counts = server.counts()
    page.get_by_role("button", name="Export the corrected inventory").click()
    page.get_by_label("With a report").uncheck()
    page.get_by_label("Name of the result").fill("reviewed")
    page.get_by_role("button", name="Start").click()
    job = page.locator(".job").filter(has_text="reviewed")
    job.get_by_text("done").wait_for(timeout=_LONG_MS)
    made = next(one for one in server.get("workspace")["inventories"] if one["name"] == "reviewed")
    assert made["count"] <= counts["accepted"] + counts["unreviewed"]
    assert made["kind"] == "inventory"


def test_what_is_wrong_with_a_form_is_said(open_page: OpenPage) -> None:
    page = open_page()
    open_form(page, "Make an inventory")
    page.get_by_label("Name of the result").fill("../outside")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("alert").get_by_text("no path").wait_for()
    page.get_by_label("Name of the result").fill("inventory")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("alert").get_by_text("exists").wait_for()
    page.get_by_label("Kind").select_option("improve")
    page.get_by_text("There is no model in this folder").wait_for()
    assert page.get_by_role("button", name="Start").is_disabled()


def test_a_job_that_waits_is_cancelled(open_page: OpenPage, server: Server) -> None:
    page = open_page()
    for name in ("first", "second"):
        open_form(page, "Make an inventory") if name == "first" else page.locator(
            ".job-kind"
        ).filter(has_text="Make an inventory").click()
        page.get_by_label("With a report").uncheck()
        page.get_by_label("Name of the result").fill(name)
        page.get_by_role("button", name="Start").click()
        page.locator(".job").filter(has_text=name).wait_for()
    second = page.locator(".job").filter(has_text="second")
    second.get_by_role("button", name="Cancel").click()
    second.get_by_text("cancelled").wait_for()
    page.locator(".job").filter(has_text="first").get_by_text("done").wait_for(timeout=_LONG_MS)
    names = [one["name"] for one in server.get("workspace")["inventories"]]
    assert "first" in names
    assert "second" not in names


def scores(f1: float) -> dict[str, Any]:
    interval = {"value": f1, "low": f1 - 0.05, "high": f1 + 0.05}
    return {
        **dict.fromkeys(("f1", "precision", "recall", "average_precision"), interval),
        "threshold": 0.4,
        "landslides": 120,
        "detected": 80,
        "found": 140,
        "false": 30,
    }


@pytest.mark.parametrize(
    ("verdict", "low", "sentence"),
    [
        ("better", 0.01, "The new model is better."),
        ("not distinguishable", -0.01, "The new model is not shown to be better"),
        ("F1 alone", 0.01, "F1 alone is higher: keep the old model."),
    ],
    ids=["better", "not better", "F1 alone"],
)
def test_improving_says_whether_it_did(
    open_page: OpenPage, verdict: str, low: float, sentence: str
) -> None:
    comparison = {
        "before": scores(0.71),
        "after": scores(0.75),
        "f1": {"value": 0.04, "low": low, "high": 0.08},
        "average_precision": {"value": 0.03, "low": 0.0, "high": 0.06},
        "p_value": 0.1,
        "tiles": 64,
        "blocks": 12,
        "verdict": verdict,
    }
    job = {
        "id": "1",
        "kind": "improve",
        "out": "improved",
        "state": "done",
        "progress": 1.0,
        "stage": None,
        "created": "2026-01-01T00:00:00Z",
        "started": "2026-01-01T00:00:00Z",
        "ended": "2026-01-01T00:10:00Z",
        "log": [],
        "error": None,
        "result": {"rasters": [], "inventories": [], "models": ["2"], "samples": []},
        "summary": {
            "comparison": comparison,
            "beyond_threshold": {"value": 0.02, "low": -0.01, "high": 0.05},
        },
    }

    def answer(route: "Route") -> None:
        route.fulfill(body=json.dumps([job]), content_type="application/json")

    page = open_page()
    page.route("**/api/jobs", answer)
    page.locator(".rail-button").filter(has_text="Jobs").click()
    page.get_by_text(sentence).wait_for()
    table = page.locator(".improve-table")
    assert "80 of 120" in table.inner_text()
    assert "64 tiles in 12 blocks" in table.inner_text()
    rows = [row.inner_text().split("\t") for row in table.locator("tfoot tr").all()]
    assert [row[0] for row in rows] == [
        "F1, difference",
        "of it beyond the threshold",
        "Average precision, difference",
    ]
    assert [row[1].split()[0] for row in rows] == ["+0.04", "+0.02", "+0.03"]
