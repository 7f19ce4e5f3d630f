"""Several people and a server that fails: nobody's edit is lost, and the page does not lie."""

from typing import TYPE_CHECKING

import pytest
from tests.server.browser.conftest import OpenPage, Site
from tests.server.browser.reviewing import Server, begin, current, settle

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = pytest.mark.slow
_POLL = "**/review/changes?since=*"
_CHANGES = "**/review/changes"


@pytest.fixture
def server(site: Site) -> Server:
    """The server of the page."""
    return Server(site)


def test_two_browsers_judge_one_polygon(open_page: OpenPage, server: Server) -> None:
    ada, li = begin(open_page, "Ada"), begin(open_page, "Li Wei")
    polygon = current(ada)
    assert current(li) == polygon
    ada.route(_POLL, lambda route: route.abort())  # Ada does not hear of it in time
    li.keyboard.press("r")
    settle(li)
    ada.keyboard.press("a")
    dialog = ada.get_by_role("dialog")
    dialog.get_by_text("Li Wei has changed it").wait_for()
    assert "It is now: rejected." in dialog.inner_text()
    assert server.polygon(polygon)["verdict"] == "rejected"
    dialog.get_by_role("button", name="Apply mine again").click()
    settle(ada)
    ada.wait_for_timeout(500)
    settled = server.polygon(polygon)
    assert (settled["verdict"], settled["author"]) == ("accepted", "Ada")
    assert [one["author"] for one in settled["history"]] == ["Li Wei", "Ada"]


def test_theirs_is_kept(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Ada")
    polygon = current(page)
    page.route(_POLL, lambda route: route.abort())
    server.change(polygon, "reject", "Li Wei")
    counts = server.counts()
    page.keyboard.press("a")
    page.get_by_role("button", name="Keep theirs").click()
    settle(page)
    page.wait_for_timeout(1500)
    assert server.polygon(polygon)["verdict"] == "rejected"
    text = page.locator(".review-progress").inner_text()
    assert f"{counts['accepted']} accepted, {counts['rejected']} rejected" in text


def test_what_others_do_appears(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Ada")
    page.wait_for_timeout(3500)
    polygon = current(page)
    queue = [one["id"] for one in server.review("/queue")["items"]]
    other = next(one for one in queue if one != polygon)
    server.change(polygon, "reject", "Li Wei")
    server.change(other, "accept", "Li Wei")
    page.get_by_text("Li Wei has just changed this polygon (rejected).").wait_for()
    assert current(page) == polygon  # what is looked at is not taken away
    page.keyboard.press("s")
    settle(page)
    assert current(page) not in (polygon, other)


def test_an_edit_in_progress_is_not_disturbed(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Ada")
    page.wait_for_timeout(3500)
    polygon = current(page)
    page.keyboard.press("e")
    bar = page.get_by_role("region", name="While drawing")
    bar.wait_for()
    server.change(polygon, "reject", "Li Wei")
    bar.get_by_text("Li Wei has changed this polygon meanwhile.").wait_for()
    page.keyboard.press("Escape")
    bar.wait_for(state="detached")


def test_a_server_that_does_not_answer_loses_nothing(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Ada")
    before = server.counts()
    page.wait_for_timeout(1500)
    page.route(_CHANGES, lambda route: route.abort())
    page.route(_POLL, lambda route: route.abort())
    page.keyboard.press("a")
    page.wait_for_timeout(300)
    page.keyboard.press("a")
    offline = page.locator(".review-offline")
    offline.get_by_text("2 changes wait to be sent").wait_for()
    assert server.counts() == before
    page.unroute(_CHANGES)
    page.unroute(_POLL)
    offline.get_by_role("button", name="Try again").click()
    settle(page)
    assert server.counts()["accepted"] == before["accepted"] + 2


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

    page.route(_CHANGES, lose)
    page.keyboard.press("a")
    page.wait_for_timeout(2500)
    settle(page)
    assert lost
    assert page.get_by_role("dialog").count() == 0
    now = server.polygon(polygon)
    assert (now["verdict"], now["version"]) == ("accepted", version + 1)


def test_unsent_changes_survive_the_page(open_page: OpenPage, server: Server) -> None:
    page = begin(open_page, "Ada")
    polygon = current(page)
    before = server.counts()
    page.route(_CHANGES, lambda route: route.abort())
    page.keyboard.press("r")
    page.locator(".review-offline").wait_for()
    page.wait_for_timeout(300)
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
    again.wait_for_timeout(800)
    assert server.counts()["rejected"] == before["rejected"] + 1
    assert server.polygon(polygon)["verdict"] == "rejected"
