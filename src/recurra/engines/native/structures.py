"""What the compiled core's functions are called with, as native/include/recurra.h declares it."""

from __future__ import annotations

import ctypes
from ctypes import c_double, c_int32, c_int64, c_void_p

MAX_STATES = 16
MAX_VECTORS = 64
MAX_GIVEN = 4


class Call(ctypes.Structure):
    """recurra_call."""

    _fields_ = (
        *((name, c_int32) for name in ("type", "products", "threads", "reverse")),
        *((name, c_int64) for name in ("batch", "time", "inputs", "hidden", "projected", "heads")),
        ("x", c_void_p),
        ("x_batch", c_int64),
        ("x_time", c_int64),
        ("tokens", c_void_p),
        ("tokens_batch", c_int64),
        ("tokens_time", c_int64),
        ("table", c_void_p),
        ("vocabulary", c_int64),
        ("lengths", c_void_p),
        ("weight_ih", c_void_p),
        ("weight_hh", c_void_p),
        ("weight_hr", c_void_p),
        ("ih_blocks", c_int64),
        ("hh_blocks", c_int64),
        ("hr_blocks", c_int64),
        ("vectors", c_void_p * MAX_VECTORS),
        ("state", c_void_p * MAX_STATES),
        ("y", c_void_p),
        ("y_batch", c_int64),
        ("y_time", c_int64),
        ("last", c_void_p * MAX_STATES),
        ("memory", c_void_p),
        ("dy", c_void_p),
        ("dy_batch", c_int64),
        ("dy_time", c_int64),
        ("dlast", c_void_p * MAX_STATES),
        ("dx", c_void_p),
        ("dtable", c_void_p),
        ("dstate", c_void_p * MAX_STATES),
        ("dweight_ih", c_void_p),
        ("dweight_hh", c_void_p),
        ("dweight_hr", c_void_p),
        ("dvectors", c_void_p),
        ("memory_bytes", c_int64),
        ("given", c_void_p * MAX_GIVEN),
        ("scale_ih", c_void_p),
        ("scale_hh", c_void_p),
        ("scale_hr", c_void_p),
        ("packed", c_void_p),
    )


class WritingCall(ctypes.Structure):
    """recurra_writing."""

    _fields_ = (
        *((name, c_int32) for name in ("threads", "layers")),
        *((name, c_void_p) for name in ("streams", "widths")),
        *((name, c_int64) for name in ("tokens", "inputs", "vocabulary", "outputs")),
        *((name, c_void_p) for name in ("table", "weight", "bias", "forbidden", "written")),
        *((name, c_double) for name in ("temperature", "top_p", "repetition_penalty")),
        ("top_k", c_int64),
        ("filtered", c_int32),
    )


class PathsCall(ctypes.Structure):
    """recurra_paths."""

    _fields_ = (
        *((name, c_int32) for name in ("type", "threads")),
        *((name, c_int64) for name in ("batch", "time", "tags")),
        *((name, c_void_p) for name in ("logits", "lengths", "chosen", "follows", "begins", "ends", "found", "memory")),
        ("memory_bytes", c_int64),
        *((name, c_void_p) for name in ("weights", "d_logits", "d_follows", "d_begins", "d_ends")),
    )


class ScoringCall(ctypes.Structure):
    """recurra_scoring."""

    _fields_ = (
        *((name, c_int32) for name in ("type", "threads")),
        *((name, c_int64) for name in ("batch", "count", "positions", "width")),
        ("queries", c_void_p),
        *((name, c_int64) for name in ("queries_batch", "queries_time")),
        ("keys", c_void_p),
        *((name, c_int64) for name in ("keys_batch", "keys_time")),
        *((name, c_void_p) for name in ("weight", "past", "scores", "dscores", "dqueries", "dkeys", "dweight")),
    )


class DroppingCall(ctypes.Structure):
    """recurra_dropping."""

    _fields_ = (
        *((name, c_int32) for name in ("type", "threads")),
        ("words", c_void_p),
        ("bits", c_int32),
        ("edge", c_int64),
        ("scale", c_double),
        *((name, c_void_p) for name in ("x", "out")),
        ("count", c_int64),
    )


class ReadoutCall(ctypes.Structure):
    """recurra_readout."""

    _fields_ = (
        *((name, c_int32) for name in ("type", "threads", "parts", "directions")),
        *((name, c_int64) for name in ("batch", "time", "width", "classes")),
        ("y", c_void_p),
        *((name, c_int64) for name in ("y_batch", "y_time")),
        *((name, c_void_p) for name in ("lengths", "words")),
        ("bits", c_int32),
        ("edge", c_int64),
        ("scale", c_double),
        *((name, c_void_p) for name in ("weight", "bias", "shift", "targets")),
        ("smoothing", c_double),
        *((name, c_void_p) for name in ("loss", "memory")),
        ("memory_bytes", c_int64),
        *((name, c_void_p) for name in ("d_loss", "d_y")),
        *((name, c_int64) for name in ("d_y_batch", "d_y_time")),
        *((name, c_void_p) for name in ("d_weight", "d_bias")),
    )


class TaggingCall(ctypes.Structure):
    """recurra_tagging."""

    _fields_ = (
        *((name, c_int32) for name in ("type", "threads")),
        *((name, c_int64) for name in ("batch", "time", "width", "tags")),
        ("y", c_void_p),
        *((name, c_int64) for name in ("y_batch", "y_time")),
        *((name, c_void_p) for name in ("lengths", "chosen", "words")),
        ("bits", c_int32),
        ("edge", c_int64),
        ("scale", c_double),
        *((name, c_void_p) for name in ("weight", "bias", "follows", "begins", "ends", "loss", "memory")),
        ("memory_bytes", c_int64),
        *((name, c_void_p) for name in ("d_loss", "d_y")),
        *((name, c_int64) for name in ("d_y_batch", "d_y_time")),
        *((name, c_void_p) for name in ("d_weight", "d_bias", "d_follows", "d_begins", "d_ends")),
    )
