"""Fields written many at once are those that stand there by name."""

from recurra.engines.native import packing
from recurra.engines.native.library import MAX_VECTORS, Call


def test_fields_come_to_lie_where_their_names_are() -> None:
    call = Call()
    packing.SIZES(call, packing.SIZES_AT, *range(1, 11))
    packing.INPUT(call, packing.INPUT_AT, *range(11, 20))
    packing.WEIGHTS(call, packing.WEIGHTS_AT, *range(20, 26))
    packing.ADDRESSES[MAX_VECTORS](call, packing.VECTORS_AT, *range(100, 100 + MAX_VECTORS))
    packing.ADDRESSES[2](call, packing.STATE_AT, 30, 31)
    packing.ROWS(call, packing.Y_AT, 32, 33, 34)
    packing.ADDRESSES[2](call, packing.LAST_AT, 35, 36)
    packing.ROWS(call, packing.D_Y_AT, 37, 38, 39)
    packing.ADDRESSES[4](call, packing.D_X_AT, 40, 41, 42, 43)
    packing.ADDRESSES[4](call, packing.D_WEIGHTS_AT, 44, 45, 46, 47)
    names = (
        "type products threads reverse batch time inputs hidden projected heads x x_batch x_time tokens tokens_batch "
        "tokens_time table vocabulary lengths weight_ih weight_hh weight_hr ih_blocks hh_blocks hr_blocks"
    )
    assert [getattr(call, name) for name in names.split()] == list(range(1, 26))
    assert list(call.vectors) == list(range(100, 100 + MAX_VECTORS))
    assert [*call.state[:3], call.y, call.y_batch, call.y_time] == [30, 31, None, 32, 33, 34]
    assert [*call.last[:3], call.dy, call.dy_batch, call.dy_time] == [35, 36, None, 37, 38, 39]
    assert [call.dx, call.dtable, *call.dstate[:3]] == [40, 41, 42, 43, None]
    assert [call.dweight_ih, call.dweight_hh, call.dweight_hr, call.dvectors] == [44, 45, 46, 47]
