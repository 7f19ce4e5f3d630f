"""Several people and a server that fails: nobody's edit is lost, and the page does not lie.

Covers: two browsers that judge one polygon, with either judgement kept; what others do, shown at
the polygon and while its outline is edited; a server that does not answer; an answer that is
lost; changes that were not sent when the page was closed.
"""

from typing import TYPE_CHECKING

import pytest
from tests.server.browser.conftest import OpenPage
from tests.server.browser.reviewing import Server, begin, current, intercept, poll, settle

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = pytest.mark.slow
_POLL = "**/review/changes?since=*"
_CHANGES = "**/review/changes"


def test_what_others_do_appears(open_page: OpenPage, server: Server) -> None:
    """The first of the module: the review has no change yet."""
    page = begin(open_page, "Ada")
    polygon = current(page)
    queue = [one["id"] for one in server.review("/queue")["items"]]
    other = next(one for one in queue if one != polygon)
    with page.expect_response(_POLL):
        pass
    server.change(polygon, "reject", "Li Wei")
    server.change(other, "accept", "Li Wei")
    page.get_by_text("Li Wei has just changed this polygon (rejected).").wait_for()
    assert current(page) == polygon  # what is looked at is not taken away
    page.keyboard.press("s")
    settle(page)
    assert current(page) not in (polygon, other)
    # nor is an edit in progress disturbed
    polygon = current(page)
    page.keyboard.press("e")
    bar = page.get_by_role("region", name="While drawing")
    bar.wait_for()
    server.change(polygon, "reject", "Li Wei")
    bar.get_by_text("Li Wei has changed this polygon meanwhile.").wait_for()
    page.keyboard.press("Escape")
    bar.wait_for(state="detached")


def test_two_browsers_judge_one_polygon(open_page: OpenPage, server: Server) -> None:
    ada, li = begin(open_page, "Ada"), begin(open_page, "Li Wei")
    polygon = current(ada)
    assert current(li) == polygon
    intercept(ada, _POLL, lambda route: route.abort())  # Ada does not hear of it in time
    li.keyboard.press("r")
    settle(li)
    poll(lambda: server.polygon(polygon)["verdict"], "rejected")
    ada.keyboard.press("a")
    dialog = ada.get_by_role("dialog")
    dialog.get_by_text("Li Wei has changed it").wait_for()
    assert "It is now: rejected." in dialog.inner_text()
    assert server.polygon(polygon)["verdict"] == "rejected"
    dialog.get_by_role("button", name="Apply mine again").click()
    settle(ada)
    poll(lambda: server.polygon(polygon)["verdict"], "accepted")
    settled = server.polygon(polygon)
    assert [one["author"] for one in settled["history"]] == ["Li Wei", "Ada"]
    # once more, and theirs is kept
    polygon = current(ada)
    server.change(polygon, "reject", "Li Wei")
    counts = server.counts()
    ada.keyboard.press("a")
    ada.get_by_role("button", name="Keep theirs").click()
    settle(ada)
    ada.locator(".review-progress").get_by_text(
        f"{counts['accepted']} accepted, {counts['rejected']} rejected"
    ).wait_for()
    assert server.polygon(polygon)["verdict"] == "rejected"


def test_a_server_that_does_not_answer_loses_nothing(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Ada")
    before = server.counts()
    intercept(page, _CHANGES, lambda route: route.abort())
    intercept(page, _POLL, lambda route: route.abort())
    for _ in range(2):
        page.locator(".review-card[aria-busy=false]").wait_for()
        page.keyboard.press("a")
    offline = page.locator(".review-offline")
    offline.get_by_text("2 changes wait to be sent").wait_for()
    assert server.counts() == before
    page.unroute(_CHANGES)
    page.unroute(_POLL)
    offline.get_by_role("button", name="Try again").click()
    settle(page)
    poll(lambda: server.counts()["accepted"], before["accepted"] + 2)


def test_an_answer_that_is_lost_makes_no_second_change(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Ada")
    polygon = current(page)
    version = server.polygon(polygon)["version"]
    lost: list[str] = []

    def lose(route: "Route") -> None:
        if not lost and route.request.method == "POST":
            lost.append(route.fetch().text())
            route.abort()
        else:
            route.continue_()

    intercept(page, _CHANGES, lose)
    with page.expect_event("requestfailed", lambda request: request.method == "POST"):
        page.keyboard.press("a")
    settle(page)
    assert lost
    assert page.get_by_role("dialog").count() == 0
    now = server.polygon(polygon)
    assert (now["verdict"], now["version"]) == ("accepted", version + 1)


def test_unsent_changes_survive_the_page(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Ada")
    polygon = current(page)
    before = server.counts()
    intercept(page, _CHANGES, lambda route: route.abort())
    page.keyboard.press("r")
    page.locator(".review-offline").wait_for()
    # as if the page had been closed a while ago
    kept = page.evaluate(
        "() => Object.entries(localStorage).filter(([name]) => name.includes('unsent'))"
    )
    assert len(kept) == 1
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("about:blank")
    again = page.context.new_page()
    again.add_init_script(
        """for (const name of Object.keys(localStorage)) if (name.includes("unsent")) {
             const kept = JSON.parse(localStorage[name]);
             localStorage[name] = JSON.stringify({ ...kept, beat: kept.beat - 60000 });
           }"""
    )
    again.goto(server.page)
    again.locator(".rail-button").filter(has_text="Review").click()
    again.get_by_role("button", name="the review").click()
    dialog = again.get_by_role("dialog")
    dialog.get_by_text("1 change of this inventory").wait_for()
    dialog.get_by_role("button", name="Send them").click()
    settle(again)
    poll(lambda: server.counts()["rejected"], before["rejected"] + 1)
    assert server.polygon(polygon)["verdict"] == "rejected"
