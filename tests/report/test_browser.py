"""The page as Chromium shows it."""

import asyncio
from importlib.resources import files

import pytest
import pytest_asyncio
from result_examples import NOW, balanced, days, found, missing, read, run_of, write_jsonl

from ltx_async.report import compare, plotly_script, render_page, summarise

from .chromium import browser_page, executable

pytest.importorskip("plotly", reason="the extra `report` is not installed")
pytestmark = [
    pytest.mark.skipif(executable() is None, reason="Chromium is not installed"),
    pytest.mark.asyncio(loop_scope="module"),
]

HOSTILE = "</script><img src=x onerror=alert(1)><script>alert(2)</script>\u202e\u2028[bold]"
ROWS = "[...document.querySelectorAll('#accounts tbody tr')]"
STATUS = "document.querySelector('#accounts [role=status]').textContent"

PRESSED = "document.querySelector('#accounts .chip[aria-pressed=true]')?.textContent"


def cells(column: int) -> str:
    return f"{ROWS}.map(row => row.cells[{column}].textContent)"


def head(name: str) -> str:
    return (
        "[...document.querySelectorAll('#accounts th')]"
        f".find(head => head.textContent.startsWith('{name}'))"
    )


def chip(name: str) -> str:
    return (
        "[...document.querySelectorAll('#accounts .chip')]"
        f".find(chip => chip.textContent.startsWith('{name}'))"
    )


async def search(page, text: str) -> None:
    await page.run(
        "{const field = document.querySelector('#accounts input');"
        f"field.value = '{text}'; field.dispatchEvent(new Event('input'))}}"
    )


async def click(page, x: float, y: float) -> None:
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        await page.do("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        await asyncio.sleep(0.1)


async def tap(page, x: float, y: float) -> None:
    await page.do("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
    await page.do("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory):
    async with browser_page(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return a function that writes a report and returns its file, each made once."""
    folder = tmp_path_factory.mktemp("pages")
    script = plotly_script()

    def write(name, lookups, older=None):
        file = folder / f"{name}.html"
        if not file.exists():
            results = read(write_jsonl(folder / "run.jsonl", lookups))
            comparison = None
            if older is not None:
                before = read(write_jsonl(folder / "older.jsonl", older))
                comparison = compare(before, results)
            summary = summarise(results)
            file.write_bytes(render_page(summary, results, comparison, plotly=script))
        return file

    return write


@pytest_asyncio.fixture(loop_scope="module")
async def opened(browser, pages):
    """Return a function that opens a report; in the end, nothing was complained of or fetched."""
    browser.complaints.clear()
    browser.requests.clear()
    files = []

    async def open_report(name, lookups, older=None, **look):
        await browser.look(**look)
        files.append(pages(name, lookups, older))
        await browser.open(files[-1])
        return browser

    yield open_report
    assert browser.complaints == []
    assert browser.requests == [file.as_uri() for file in files]


async def test_every_chart_is_drawn(opened):
    page = await opened("generated", run_of(500))
    bars = await page.run(
        "Object.fromEntries([...document.querySelectorAll('figure')]"
        ".map(f => [f.id, f.querySelectorAll('.bars .point path').length]))"
    )
    assert bars["outcomes"] == 4
    assert bars["latency"] == 6
    assert bars["balances"] > 10
    assert bars["expiry"] > 10
    titles = await page.run(
        "[...document.querySelectorAll('.xtitle, .ytitle')].map(title => title.textContent)"
    )
    assert titles == [
        "emails", "LTX tokens", "accounts", "week from", "accounts", "milliseconds",
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 961, 800, 721, 390, 320])
async def test_no_width_and_no_text_needs_scrolling_sideways(opened, width, scheme):
    lookups = [
        *run_of(100),
        found(f"{'long' * 60}@example.com", error="w" * 300),
        balanced("huge@example.com", 1e307),
        balanced("user000001@example.com", -999_999_999_999_999),
    ]
    page = await opened("wide", lookups, run_of(50), width=width, scheme=scheme)
    assert await page.run("document.documentElement.scrollWidth") == width
    assert await page.run(
        "[...document.querySelectorAll('.card .value, .chip, th button')]"
        ".filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"
    ) == []  # fmt: skip


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("balance", [-99_999_999, 123_456_789_012, 1234567.89, 999_999_999_999_999])
async def test_a_key_figure_stays_in_one_line(opened, width, balance):
    page = await opened(f"figure{balance}", [balanced("ann@example.com", balance)], width=width)
    assert await page.run(
        "[...document.querySelectorAll('.card .value')]"
        ".every(one => one.clientHeight < 2 * parseFloat(getComputedStyle(one).fontSize))"
    )


async def test_a_finger_hits_what_it_aims_at_on_a_phone(opened):
    page = await opened("generated", run_of(500), width=390)
    small = (
        "[...document.querySelectorAll('button, input, summary')]"
        ".filter(one => one.getBoundingClientRect().height < 44).map(one => one.textContent)"
    )
    assert await page.run(small) == []
    zoomed = "parseFloat(getComputedStyle(document.querySelector('input')).fontSize) < 16"
    assert not await page.run(zoomed)  # phones zoom in on smaller text, and stay there


async def test_the_colours_follow_the_scheme_without_a_reload(opened):
    page = await opened("generated", run_of(500), scheme="light")
    colours = (
        "[document.body, document.querySelector('#balances .point path')]"
        ".map((one, i) => getComputedStyle(one)[i ? 'fill' : 'backgroundColor'])"
    )
    await page.settles(colours, ["rgb(244, 245, 248)", "rgb(61, 109, 224)"])
    await page.look(scheme="dark")
    await page.settles(colours, ["rgb(15, 18, 23)", "rgb(126, 164, 255)"])


async def test_search_finds_emails_and_troubles_whatever_the_case(opened):
    page = await opened("generated", run_of(500))
    assert await page.run(STATUS) == "1 to 25 of 500"
    await search(page, "USER000123@")
    assert await page.run(cells(0)) == ["user000123@example.com"]
    await search(page, "no such user00010")
    assert await page.run(cells(0)) == ["user000108@example.com"]
    await search(page, "nobody here")
    assert await page.run(STATUS) == "Nothing found"
    assert await page.run(f"{ROWS}.length") == 0


async def test_sorting_is_told_and_unknown_values_come_last(opened):
    lookups = [missing(), *(balanced(f"{n}@example.com", n) for n in (5, 1000, -3))]
    page = await opened("sorted", lookups)
    for order, balances in (
        ("ascending", ["-3", "5", "1,000", ""]),
        ("descending", ["1,000", "5", "-3", ""]),
    ):
        await page.run(f"{head('Balance')}.querySelector('button').click()")
        assert await page.run(cells(2)) == balances
        assert await page.run(f"{head('Balance')}.getAttribute('aria-sort')") == order
    await page.run(f"{head('Email')}.querySelector('button').click()")
    assert await page.run("document.querySelectorAll('#accounts [aria-sort]').length") == 1
    assert await page.run(cells(0)) == [
        "-3@example.com", "5@example.com", "1000@example.com", "ann@example.com",
    ]  # fmt: skip


async def test_a_chip_filters_and_says_that_it_is_pressed(opened):
    page = await opened("generated", run_of(500))
    await page.run(f"{chip('Not found')}.click()")
    assert await page.run(STATUS) == "1 to 10 of 10"
    assert set(await page.run(cells(1))) == {"Not found"}
    assert await page.run(f"{chip('Not found')}.getAttribute('aria-pressed')") == "true"
    await page.run(f"{chip('Not found')}.click()")
    assert await page.run(STATUS) == "1 to 25 of 500"


async def test_a_click_on_a_bar_filters_the_table(opened):
    page = await opened("generated", run_of(500))
    await page.run("document.querySelector('#latency').scrollIntoView({block: 'center'})")
    x, y = await page.run(
        "(({x, y, width, height}) => [x + width / 2, y + height / 2])"
        "(document.querySelectorAll('#latency .point path')[4].getBoundingClientRect())"
    )
    await click(page, x, y)
    await page.settles(f"{chip('Took')}?.getAttribute('aria-pressed')", "true")
    assert await page.run(STATUS) != "1 to 25 of 500"
    assert await page.run("document.activeElement.id") == "accounts"


@pytest.mark.parametrize("place", [0.02, 0.95])
async def test_a_finger_beside_a_thin_bar_filters_too(opened, place):
    page = await opened("generated", run_of(500), width=390)
    await page.run("document.querySelector('#outcomes').scrollIntoView({block: 'center'})")
    x, y = await page.run(
        "(({x, y, width, height}) => [x + place * width, y + 0.9 * height])".replace(
            "place", str(place)
        )
        + "(document.querySelector('#outcomes .nsewdrag').getBoundingClientRect())"
    )
    await tap(page, x, y)
    await page.settles(f"{chip('Lookup failed')}.getAttribute('aria-pressed')", "true")
    assert await page.run(STATUS) == "1 to 10 of 10"


async def test_a_tap_is_taken_once_and_nothing_else_is_hit_by_it(opened):
    page = await opened("generated", run_of(500), width=390)
    await page.run(
        "window.clicks = 0; addEventListener('click', e => { clicks += e.isTrusted }, true)"
    )
    middle = (
        "(({x, y, width, height}) => [x + width / 2, y + height / 2])"
        "(document.querySelector('#latency .nsewdrag').getBoundingClientRect())"
    )
    for wanted in ("true", None, "true"):
        await page.run("document.querySelector('#latency').scrollIntoView({block: 'center'})")
        await tap(page, *await page.run(middle))
        await page.settles(f"{chip('Took')}?.getAttribute('aria-pressed')", wanted)
        await asyncio.sleep(0.3)  # what a tap sets off later has come by then
        assert await page.run(f"{chip('Took')}?.getAttribute('aria-pressed')") == wanted
        assert 0 <= await page.run("document.querySelector('#accounts').offsetTop - scrollY") < 50
    assert await page.run("clicks") == 0


async def test_a_swipe_over_a_chart_scrolls_the_page(opened):
    page = await opened("generated", run_of(500), width=390)
    await page.run("document.querySelector('#outcomes').scrollIntoView({block: 'center'})")
    before = await page.run("scrollY")
    kinds = ["touchStart", *["touchMove"] * 10, "touchEnd"]
    for number, kind in enumerate(kinds):
        points = [{"x": 200, "y": 500 - 20 * number}] if kind != "touchEnd" else []
        await page.do("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        await asyncio.sleep(0.02)
    assert await page.run("scrollY") > before + 100
    assert await page.run(PRESSED) is None


@pytest.mark.parametrize("choose", [click, tap])
@pytest.mark.parametrize(
    ("side", "wanted"), [(0.25, "Sign-ins that had ended"), (0.75, "Access tokens that had ended")]
)
async def test_of_two_bars_side_by_side_the_one_meant_filters(opened, choose, side, wanted):
    lookups = [found(refreshTokenExpireUTC=days(-1), tokenExpireUTC=days(-2))]
    page = await opened("ended", lookups, width=390)
    await page.run("document.querySelector('#expiry').scrollIntoView({block: 'center'})")
    x, y, width = await page.run(
        "(({x, bottom, width}) => [x, bottom, width])"
        "(document.querySelector('#expiry .nsewdrag').getBoundingClientRect())"
    )
    stretches = await page.run("document.querySelectorAll('#expiry tbody tr').length")
    await choose(page, x + side * width / stretches, y - 5)
    await page.settles(PRESSED, f"{wanted}✕")
    assert await page.run(STATUS) == "1 to 1 of 1"


async def test_a_click_where_no_bar_is_changes_nothing(opened):
    lookups = [found(refreshTokenExpireUTC=days(30))]
    page = await opened("later", lookups)
    await page.run("document.querySelector('#expiry').scrollIntoView({block: 'center'})")
    x, y = await page.run(
        "(({x, bottom}) => [x + 10, bottom - 10])"
        "(document.querySelector('#expiry .nsewdrag').getBoundingClientRect())"
    )
    await click(page, x, y)
    await asyncio.sleep(0.3)
    assert await page.run(PRESSED) is None


async def test_the_pages_of_the_table_turn(opened):
    page = await opened("generated", run_of(500))
    back, forth = "document.querySelectorAll('#accounts .pager button')", "[1].click()"
    assert await page.run(f"{back}[0].disabled")
    await page.run(back + forth)
    assert await page.run(STATUS) == "26 to 50 of 500"
    assert not await page.run(f"{back}[0].disabled")
    await search(page, "user")
    assert await page.run(STATUS) == "1 to 25 of 500"


async def test_a_page_that_was_turned_is_read_from_its_top(opened):
    page = await opened("generated", run_of(500), width=390)
    await page.run("document.querySelector('#accounts .pager').scrollIntoView()")
    await page.run("document.querySelectorAll('#accounts .pager button')[1].click()")
    top = "document.querySelector('#accounts table').getBoundingClientRect().top"
    assert 0 <= await page.run(top) < 50


async def test_the_keyboard_reaches_search_filters_and_sorting(opened):
    page = await opened("generated", run_of(500))
    await page.run("document.querySelector('#accounts input').focus()")
    reached = []
    for _ in range(13):
        await page.press("Tab")
        reached.append(await page.run("document.activeElement.textContent"))
    assert "Email" in reached
    assert any(name.startswith("Not found") for name in reached)
    await page.run(f"{head('Took')}.querySelector('button').focus()")
    await page.press("Enter")
    assert await page.run(f"{head('Took')}.getAttribute('aria-sort')") == "ascending"


async def test_the_table_stays_a_table_for_screen_readers_on_a_phone(opened):
    page = await opened("generated", run_of(500), width=390)
    await page.do("Accessibility.enable")
    tree = (await page.do("Accessibility.getFullAXTree"))["nodes"]
    roles = [node["role"]["value"] for node in tree if not node["ignored"]]
    assert roles.count("columnheader") >= 7
    assert roles.count("row") >= 26
    assert roles.count("searchbox") == 1
    charts = [node["name"]["value"] for node in tree if node["role"]["value"] == "image"]
    assert len([name for name in charts if "bar chart" in name]) == 4


async def test_ten_thousand_accounts_stay_fluid(opened):
    page = await opened("many", run_of(10_000))
    assert await page.run(STATUS) == "1 to 25 of 10,000"
    took = await page.run(
        "(() => { const began = performance.now();"
        "const field = document.querySelector('#accounts input');"
        "for (const text of ['u', 'user0', 'user00123', '']) {"
        " field.value = text; field.dispatchEvent(new Event('input')); document.body.offsetTop; }"
        "for (const button of document.querySelectorAll('#accounts th button')) {"
        " button.click(); document.body.offsetTop; }"
        "return (performance.now() - began) / 11; })()"
    )
    assert took < 250  # milliseconds an action, on a machine that is busy with other tests
    assert await page.run("document.getElementsByTagName('*').length") < 3000


async def test_hostile_text_is_shown_and_never_run(opened):
    lookups = [found(f"{HOSTILE}@example.com", error=HOSTILE), missing("bob@example.com")]
    page = await opened("hostile", lookups, [])
    assert (await page.run(cells(0)))[0] == f"{HOSTILE}@example.com"
    assert (await page.run(cells(6)))[0] == HOSTILE
    assert await page.run("document.querySelectorAll('img, table script').length") == 0


async def test_text_from_right_to_left_reads_from_right_to_left(opened):
    page = await opened("arabic", [found(error="سجل الدخول please")])
    left, right = await page.run(
        "(text => [[11, 17], [0, 4]].map(([from, to]) => { const range = document.createRange();"
        "range.setStart(text, from); range.setEnd(text, to);"
        "return range.getBoundingClientRect().left; }))"
        "(document.querySelector('#accounts tbody .text:not(.lead) span').firstChild)"
    )
    assert left < right


async def test_scripts_that_are_not_ours_do_not_run(opened):
    page = await opened("generated", run_of(500))
    await page.run(
        "{const script = document.createElement('script');"
        "script.textContent = 'window.foreign = 1'; document.body.append(script)}"
    )
    assert await page.run("window.foreign") is None
    assert "Content Security Policy" in page.complaints.pop()


@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_at_all_is_shown_kindly(opened, width):
    page = await opened("empty", [], width=width)
    assert await page.run(
        "[...document.querySelectorAll('.empty')].map(one => one.textContent)"
    ) == [
        "No emails in these results.",
        "No balances in these results.",
        "No dates in these results.",
        "Nothing was sent.",
    ]
    assert await page.run("[...document.querySelectorAll('.chart')].every(one => one.hidden)")


async def test_the_changes_have_their_own_table(opened):
    older = [balanced("ann@example.com", 9, at=NOW.replace(year=2025)), found("bob@example.com")]
    page = await opened(
        "changed", [balanced("ann@example.com", 5), missing("bob@example.com")], older
    )
    text = await page.run("document.querySelector('#changes tbody').innerText")
    assert [line.split("\t") for line in text.splitlines()] == [
        ["bob@example.com", "Newly broken", "OK", "Not found", "", "", "No such account."],
        ["ann@example.com", "Balance moved", "OK", "OK", "5", "-4", ""],
    ]


def card(name: str) -> str:
    return (
        "[...document.querySelectorAll('[data-filter]')]"
        f".find(one => one.dataset.filter === '{name}')"
    )


async def test_cards_are_filters_that_combine_and_stand_in_the_address(opened):
    page = await opened("generated", run_of(500))
    await page.run(f"{card('Needs attention')}.click()")
    assert await page.run(f"{card('Needs attention')}.getAttribute('aria-pressed')") == "true"
    assert await page.run(STATUS) == "1 to 25 of 33"
    await page.run(f"{chip('Not found')}.click()")
    assert await page.run(STATUS) == "1 to 10 of 10"
    await page.run(f"{chip('Lookup failed')}.click()")
    assert await page.run(STATUS) == "1 to 20 of 20"
    await search(page, "user00010")
    said, found_ones = await page.run("location.hash"), await page.run(cells(0))
    assert "Needs+attention" in said
    await page.run("location.hash = '#q=nobody'")
    await page.settles(STATUS, "Nothing found")
    await page.run(f"location.hash = {said!r}")
    await page.settles(cells(0), found_ones)
    assert await page.run(f"{chip('Not found')}.getAttribute('aria-pressed')") == "true"


async def test_what_is_filtered_is_saved_without_formulas(opened):
    page = await opened("saved", [missing("=cmd()@example.com"), balanced("ann@example.com", 5)])
    await page.run(f"{card('Needs attention')}.click()")
    text = await page.run(
        "(() => { let blob; const make = URL.createObjectURL;"
        "URL.createObjectURL = (one) => { blob = one; return '#'; };"
        "[...document.querySelectorAll('#accounts button')]"
        ".find(one => one.textContent === 'Save as CSV').click();"
        "URL.createObjectURL = make; return blob.text(); })()"
    )
    head, row, rest = text.split("\r\n")
    assert head.startswith("Email,Outcome,Balance,")
    assert row.startswith("'=cmd()@example.com,not_found,")
    assert rest == ""


async def test_each_bar_is_a_button_too(opened):
    page = await opened("generated", run_of(500))
    await page.run(
        "[...document.querySelectorAll('#outcomes .bars-list button')]"
        ".find(one => one.textContent === 'Not found').click()"
    )
    assert await page.run(STATUS) == "1 to 10 of 10"
    assert await page.run("document.activeElement.id") == "accounts"


async def test_the_most_urgent_come_first_and_the_table_before_the_charts(opened):
    page = await opened("generated", run_of(500), width=390)
    assert (await page.run(cells(1)))[0] == "Needs sign-in"
    tops = await page.run(
        "['#accounts', '#outcomes'].map(one => document.querySelector(one).offsetTop)"
    )
    assert tops[0] < tops[1]


async def test_twenty_thousand_rows_are_painted_within_a_second(opened):
    page = await opened("twenty", run_of(20_000))
    painted = await page.run("performance.getEntriesByType('paint').at(-1)?.startTime")
    assert painted < 1000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("lookups", [[], run_of(500)], ids=["empty", "generated"])
async def test_axe_finds_nothing_that_keeps_anybody_out(opened, lookups, width, scheme):
    name = "axe" if lookups else "empty"
    page = await opened(name, lookups, run_of(300) if lookups else None, width=width, scheme=scheme)
    await page.run((files("axe_core_python") / "axe.min.js").read_text("utf-8") + ";null")
    if lookups:
        await page.run(f"{chip('Not found')}.click()")  # a pressed chip has colours of its own
    found = await page.run(
        "axe.run().then(({violations, passes}) => ({passed: passes.length,"
        " violations: violations.map(({id, nodes}) => [id, nodes.map(n => n.failureSummary)])}))"
    )
    assert found["violations"] == []
    assert found["passed"] > 20
