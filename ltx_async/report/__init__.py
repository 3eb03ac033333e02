"""Results of a check, looked at: key figures, changes between two runs, one HTML page.

Pure but for reading the results: what is shown on a terminal, and where the page is
written, is the command line's business. Only `page` needs the extra `report` (plotly).
"""

from ltx_async.report.comparison import Change, ChangeKind, Comparison, compare
from ltx_async.report.page import MissingPlotlyError, plotly_script, render_page
from ltx_async.report.summary import Summary, summarise
from ltx_async.results.reading import Results, read_results
from ltx_async.results.record import Row

__all__ = [
    "Change",
    "ChangeKind",
    "Comparison",
    "MissingPlotlyError",
    "Results",
    "Row",
    "Summary",
    "compare",
    "plotly_script",
    "read_results",
    "render_page",
    "summarise",
]
