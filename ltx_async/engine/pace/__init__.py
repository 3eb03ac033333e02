"""What is learned of a server's limits from its refusals, where nobody has set any.

Pure: times are passed in. A `Cycle` is what came of one opening of the gate, `Pace` and `Cap`
learn from it, and `Pacing` is told of each reply.
"""

from ltx_async.engine.pace.cap import Cap
from ltx_async.engine.pace.pacing import LATENESS_FORGIVEN, Pacing, least_gap
from ltx_async.engine.pace.rate import Cycle, Pace

__all__ = ["LATENESS_FORGIVEN", "Cap", "Cycle", "Pace", "Pacing", "least_gap"]
