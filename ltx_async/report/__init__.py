"""Results of a check, looked at: key figures, changes between two runs, one HTML page.

Pure: what is shown on a terminal, and where the page is
written, is the command line's business. Only `page` needs the extra `report` (plotly).
"""

from ltx_async.report.attention import attention_table
from ltx_async.report.comparison import Change, ChangeKind, Comparison, compare
from ltx_async.report.page import MissingPlotlyError, plotly_script, render_page
from ltx_async.report.results import Results, collect
from ltx_async.report.summary import Summary, summarise

__all__ = [
    "Change",
    "ChangeKind",
    "Comparison",
    "MissingPlotlyError",
    "Results",
    "Summary",
    "attention_table",
    "collect",
    "compare",
    "plotly_script",
    "render_page",
    "summarise",
]
