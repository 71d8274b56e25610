"""The numbers of the core's code, as native/include/recurra.h has them."""

from __future__ import annotations

CODE = 0x52435231
NONE = -1
MAX_STATES = 16
MAX_VECTORS = 64
MAX_GIVEN = 4

MAX_OPERANDS = 128
"""Slots, and products, that one level may name: the room that the core keeps for them."""

SLOTS = {
    name: number
    for number, name in enumerate(
        (
            "TEMP VECTOR CONSTANT STEP SAVED BEFORE AFTER COLUMN ADJOINT CARRY_IN CARRY_OUT OUTPUT ROW SAVED_ROW GIVEN"
        ).split()
    )
}
OPERATIONS = {
    name: number
    for number, name in enumerate(
        (
            "copy add sub mul div neg minimum maximum share positive sigmoid tanh relu softplus exp log "
            "muladd sigmoid_back tanh_back one_minus reduce "
            "sqrt abs sign sin cos expm1 sqrt_slope normalize normalize_back "
            "reduce_mul products mix add_mul mul_sigmoid_back mul_tanh_back sub_mul_sigmoid_back "
            "muladd_sigmoid muladd_tanh muladd_relu"
        ).split()
    )
}
REDUCTIONS = ("reduce", "reduce_mul")
"""Operations whose result is a sum over rows."""

ROW_SUMS = ("moments", "means")
"""What is summed over the units of whole rows when a level begins: words 0 and 1 of the core's code."""

PRODUCT_OPERANDS = ("STEP", "SAVED", "BEFORE", "AFTER", "ADJOINT")
"""Where an operand of a product can lie: whole rows, of all units."""


def slot(kind: str, index: int = 0) -> int:
    """The word that names a tile."""
    return SLOTS[kind] << 16 | index


MATRICES = ("R", "P")
"""Whose block a product or a gradient names: of weight_hh or of weight_hr."""


def matrix(kind: str, block: int) -> int:
    """The word that names a block of a matrix."""
    return MATRICES.index(kind) << 16 | block


KINDS = {number: name for name, number in SLOTS.items()}


def kind_of(word: int) -> str:
    return KINDS[word >> 16]


def number_of(word: int) -> int:
    return word & 0xFFFF
