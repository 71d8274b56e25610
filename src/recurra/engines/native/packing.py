"""Fields of a call, written many at once: to assign each alone takes ten times as long.

Each function takes the call, the offset beside it, and the fields from there on, in the order of `library.Call`.
"""

from __future__ import annotations

from struct import Struct

from recurra.engines.native.library import MAX_VECTORS, Call

SIZES, SIZES_AT = Struct("4i6q").pack_into, Call.type.offset
INPUT, INPUT_AT = Struct("P2qP2qPqP").pack_into, Call.x.offset
WEIGHTS, WEIGHTS_AT = Struct("3P3q").pack_into, Call.weight_ih.offset
ROWS, Y_AT, D_Y_AT = Struct("P2q").pack_into, Call.y.offset, Call.dy.offset
ADDRESSES = [Struct(f"{count}P").pack_into for count in range(MAX_VECTORS + 1)]
"""So many of an array's."""

VECTORS_AT, STATE_AT, LAST_AT = Call.vectors.offset, Call.state.offset, Call.last.offset
D_X_AT, D_WEIGHTS_AT = Call.dx.offset, Call.dweight_ih.offset
