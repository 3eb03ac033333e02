import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from result_examples import balanced, days, found, missing, read, run_of, write_jsonl

from ltx_async.report import compare, render_page, rowdata, summarise
from ltx_async.report.charts import charts
from ltx_async.report.page import json_in_script

PLOTLY = 'document.getElementById("' + "a1" * 32 + '");'  # stands in for 5 MB
HOSTILE = "</script><script>alert(1)</script><!--<script>\u2028&amp;$data"


class Inspector(HTMLParser):
    """What a browser would see: elements, attributes, the text of scripts and styles."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements, self.raw = [], []
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.raw.append([tag, dict(attrs), ""])

    def handle_data(self, data):
        if self.cdata_elem in {"script", "style"}:  # a title is one too, from 3.14 on
            self.raw[-1][2] += data

    def texts(self, tag):
        return [text for name, attrs, text in self.raw if name == tag and "type" not in attrs]

    @property
    def data(self):
        return next(json.loads(text) for _, attrs, text in self.raw if attrs.get("id") == "data")


def page_of(tmp_path, lookups, older=None, *, plotly=PLOTLY):
    results = read(write_jsonl(tmp_path / "run.jsonl", lookups))
    comparison = None
    if older is not None:
        comparison = compare(read(write_jsonl(tmp_path / "older.jsonl", older)), results)
    return render_page(summarise(results), results, comparison, plotly=plotly)


@given(st.text(st.characters()) | st.sampled_from([HOSTILE, "</SCRIPT\t>", "]]>"]))
def test_json_in_a_script_says_the_same_and_cannot_end_it(text):
    written = json_in_script([text])
    assert json.loads(written) == [text]
    assert not re.search("[<>&\u2028\u2029]", written)


def test_hostile_text_stays_within_the_data(tmp_path):
    lookups = [found(f"{HOSTILE}@example.com", error=HOSTILE), missing()]
    plain = Inspector(page_of(tmp_path, [found(error="x"), missing("bob@example.com")], []))
    hostile = Inspector(page_of(tmp_path, lookups, []))
    assert hostile.elements == plain.elements
    assert hostile.data["tables"][0]["rows"][0][0] == f"{HOSTILE}@example.com"


def test_the_policy_allows_exactly_what_is_in_the_page_and_no_request(tmp_path):
    page = Inspector(page_of(tmp_path, run_of(60)))
    policy = next(attrs["content"] for tag, attrs in page.elements if "http-equiv" in attrs)
    rules = {
        name: set(sources.split())
        for name, _, sources in (r.partition(" ") for r in policy.split("; "))
    }
    hashes = {
        tag: {
            f"'sha256-{b64encode(sha256(t.encode()).digest()).decode()}'" for t in page.texts(tag)
        }
        for tag in ("script", "style")
    }
    assert rules["default-src"] == rules["connect-src"] == rules["base-uri"] == {"'none'"}
    assert rules["script-src"] == hashes["script"]
    assert rules["style-src"] == hashes["style"]
    assert len(hashes["script"]) == 3


def test_nothing_in_the_page_refers_to_another_file(tmp_path):
    page = Inspector(page_of(tmp_path, run_of(60)))
    for tag, attrs in page.elements:
        assert "src" not in attrs, tag
        assert attrs.get("href", "#").startswith(("#", "data:")), tag
        assert "style" not in attrs
        assert not any(name.startswith("on") for name in attrs)


def test_the_styles_that_plotly_would_add_are_there_before_it(tmp_path):
    styles = [
        attrs.get("id")
        for tag, attrs in Inspector(page_of(tmp_path, [found()])).elements
        if tag == "style"
    ]
    assert styles == [None, "plotly.js-style-global", "a1" * 32]


def test_the_figures_are_in_the_page_without_scripts(tmp_path):
    lookups = [balanced("ann@example.com", 12_000), balanced("bob@example.com", 3_000), missing()]
    text = page_of(tmp_path, [*lookups[:2], missing("eve@example.com")]).decode()
    assert ">15,000<" in text
    assert ">66.7%<" in text
    assert '<th scope="row">OK</th><td>2</td><td>66.7%</td>' in text


def test_where_the_results_are_from_is_in_its_heading(tmp_path):
    emulated = evolve(missing(), base_url="http://127.0.0.1:8080/<v1>")
    told = "run.jsonl, asked at http://127.0.0.1:8080/&lt;v1&gt;.</p>"
    assert told in page_of(tmp_path, [emulated]).decode()
    real = evolve(missing("bob@example.com"), base_url="https://api.example/v1")
    page = page_of(tmp_path, [emulated, real]).decode()
    assert told not in page
    assert '<p class="remark" role="note">Asked at 2 base URLs: ' in page


def test_the_changes_are_a_table_of_their_own(tmp_path):
    page = page_of(tmp_path, [balanced("ann@example.com", 5)], [balanced("ann@example.com", 9)])
    _, changes = Inspector(page).data["tables"]
    assert changes["rows"] == [["ann@example.com", "Balance moved", "ok", "ok", 5, -4, None]]
    assert changes["filters"] == [
        {"column": "change", "values": ["balance moved"], "label": "Balance moved", "count": 1}
    ]


def test_a_page_holds_so_many_rows_those_that_need_attention_first(tmp_path, monkeypatch):
    monkeypatch.setattr(rowdata, "MOST_ROWS", 2)
    lookups = [found("a@example.com"), found("b@example.com"), missing("c@example.com")]
    accounts, changes = Inspector(page_of(tmp_path, lookups, [])).data["tables"]
    assert [row[0] for row in accounts["rows"]] == ["c@example.com", "a@example.com"]
    assert (accounts["left_out"], changes["left_out"]) == (1, 1)


def test_long_server_text_is_cut(tmp_path):
    row = Inspector(page_of(tmp_path, [found(error="x" * 5000)])).data["tables"][0]["rows"][0]
    assert row[6] == "x" * 199 + "…"


def _coloured(value):
    """Put a real colour where the page puts that of a CSS variable."""
    if isinstance(value, dict):
        return {key: _coloured(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_coloured(item) for item in value]
    return "#123456" if isinstance(value, str) and value.startswith("--") else value


@pytest.mark.parametrize("count", [1, 3, 400])
def test_plotly_knows_everything_that_the_charts_say(tmp_path, count):
    graphs = pytest.importorskip("plotly.graph_objects", reason="the extra `report` is missing")
    results = read(write_jsonl(tmp_path / "run.jsonl", run_of(count)))
    drawn = charts(summarise(results))
    assert [chart.key for chart in drawn if chart.data] == [
        "outcomes",
        "balances",
        "expiry",
        "latency",
    ]
    for chart in drawn:
        graphs.Figure(data=_coloured(chart.data), layout=_coloured(chart.layout))


def test_charts_without_data_say_so(tmp_path):
    text = page_of(tmp_path, []).decode()
    for words in ("No emails", "No balances", "No dates", "Nothing was sent"):
        assert f'<p class="empty">{words}' in text
    far = [balanced("ann@example.com", -1e308), balanced("bob@example.com", 1e308)]
    assert "too large to draw" in page_of(tmp_path, far).decode()


def test_one_balance_is_a_bar_between_its_bounds_not_a_wall(tmp_path):
    results = read(write_jsonl(tmp_path / "run.jsonl", [balanced("a@example.com", 150)]))
    axis = charts(summarise(results))[1].layout["xaxis"]
    assert (axis["range"], axis["tick0"], axis["dtick"]) == ([149, 152], 150, 1)


def test_where_nothing_ends_there_is_nothing_to_point_at(tmp_path):
    lookups = [found(refreshTokenExpireUTC=days(8))]
    results = read(write_jsonl(tmp_path / "run.jsonl", lookups))
    sign_ins, tokens = charts(summarise(results))[2].data
    assert sign_ins["y"] == [None, None, 1]
    assert tokens["y"] == [None, None, None]


def test_what_a_bar_does_is_said_where_there_is_one(tmp_path):
    words = "Choose a bar of a chart"
    assert words in page_of(tmp_path, [found()]).decode()
    assert words not in page_of(tmp_path, []).decode()


def test_a_large_total_leaves_its_decimals_to_the_table(tmp_path):
    text = page_of(tmp_path, [balanced("a@example.com", 1234567.89)]).decode()
    assert '<dd class="value">1,234,568</dd>' in text
    assert ">12.5<" in page_of(tmp_path, [balanced("a@example.com", 12.5)]).decode()


def test_a_count_and_its_words_stay_in_one_line(tmp_path):
    text = page_of(tmp_path, [missing(), missing("bob@example.com")]).decode()
    assert ">2\N{NO-BREAK SPACE}not\N{NO-BREAK SPACE}found<" in text


def test_an_open_end_of_the_histogram_is_explained(tmp_path):
    lookups = [balanced(f"{n}@example.com", n) for n in range(500)]
    text = page_of(tmp_path, [*lookups, balanced("rich@example.com", 10**7)]).decode()
    assert "The last bar holds all from there up to 10,000,000." in text


def test_long_times_are_drawn_in_seconds(tmp_path):
    results = read(write_jsonl(tmp_path / "run.jsonl", [found(elapsed=75)]))
    latency = charts(summarise(results))[-1]
    assert latency.layout["xaxis"]["title"]["text"] == "seconds"
    assert latency.data[0]["x"] == [75] * 6
