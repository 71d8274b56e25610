"""What every server stands behind: who may ask, how much and how slowly, how it starts and ends.

>>> app = guarded(app, hosts=["127.0.0.1", "localhost"], policy=JSON_ONLY)
>>> Server(app, port=8000).run(print)  # until a signal
"""

from recurra.web.guard import JSON_ONLY, guarded
from recurra.web.refusals import refusal
from recurra.web.server import Server

__all__ = ["JSON_ONLY", "Server", "guarded", "refusal"]
