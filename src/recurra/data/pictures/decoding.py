"""One picture: from the bytes of a file to numbers [C, H, W], within bounds."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from recurra.data.files.sources import refuse_streams
from recurra.data.pictures.pillow import BROKEN, ENDINGS, FORMATS, pillow
from recurra.errors import DataError

Bytes = npt.NDArray[np.uint8]
Fit = Literal["stretch", "crop", "pad"]
MOST_PIXELS = 50_000_000
"""Of a picture that is decoded: 8,000 x 6,000 and more. Its header says how many, before anything is unpacked."""
MOST_BYTES = 200_000_000
"""Of its file."""
WHITE = 255
ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held."""


@dataclass(frozen=True)
class Form:
    """What pictures become.

    size: height and width, None for as they are; fit: how another shape comes to that size: "stretch", "crop" (the
    middle of it), "pad" (black beside it); channels: 3 for red, green, blue, 1 for grey
    """

    size: tuple[int, int] | None = None
    channels: Literal[1, 3] = 3
    fit: Fit = "stretch"


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    pixels: [C, H, W]; size: height and width in the file, upright; sha256: of the file's bytes; done: what it took,
    each a few words for people ("alpha over white")
    """

    pixels: Bytes
    size: tuple[int, int]
    sha256: str
    done: tuple[str, ...] = ()


def is_picture(path: Path) -> bool:
    """Whether a file's name ends like that of a picture."""
    return path.suffix.lower() in ENDINGS


def read_picture(path: Path, form: Form = Form()) -> Picture:
    """The picture of a file.

    Errors: DataError with the file: missing, no picture, cut short, over MOST_PIXELS or MOST_BYTES; UsageError without
    Pillow
    """
    refuse_streams(path)
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise DataError(
                f"a picture of {size:,} bytes; {MOST_BYTES:,} at most are read", remedy="make it smaller", file=path
            )
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=path) from error
    return decode(data, form, file=path)


def decode(data: bytes, form: Form = Form(), *, file: str | Path | None = None) -> Picture:
    """As `read_picture`, of bytes. file: what an error calls it"""
    if not data:
        raise DataError("an empty file, no picture", remedy="leave it out", file=file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow's own limit, and of odd metadata
        pixels, size, done = _decoded(data, form, file)
    return Picture(pixels, size, hashlib.sha256(data).hexdigest(), tuple(done))


def _decoded(data: bytes, form: Form, file: str | Path | None) -> tuple[Bytes, tuple[int, int], list[str]]:
    image, done = _opened(data, file)
    try:
        width, height = image.size
        turned = image.getexif().get(ORIENTATION, 1)
        if turned in range(5, 9):
            width, height = height, width
        if form.size is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, _rough((height, width), form, sideways=turned in range(5, 9)))
        image.load()
        image = _upright(image, turned, done)
        pixels = _sized(_plain(image, form.channels, done, file), form)
    except DataError:
        raise
    except BROKEN as error:
        raise DataError(
            f"this picture cannot be decoded: {_reason(error)}",
            remedy="its file is cut short or damaged: get it again, or leave it out",
            file=file,
        ) from error
    return pixels, (height, width), done


def _opened(data: bytes, file: str | Path | None = None) -> tuple[Any, list[str]]:
    """A picture of Pillow's whose pixels are not decoded yet, and what is odd about it. Errors: as `read_picture`"""
    module = pillow()
    try:
        image = module.open(io.BytesIO(data), formats=FORMATS)
        frames = getattr(image, "n_frames", 1)
    except module.DecompressionBombError as error:
        found = str(error).partition("(")[2].partition(" ")[0]
        raise _huge(f"{int(found):,}" if found.isdigit() else "too many", file) from error
    except BROKEN as error:
        remedy = f"read are {', '.join(ENDINGS)}" if isinstance(error, module.UnidentifiedImageError) else ""
        raise DataError(
            "this is no picture, or the beginning of one only", remedy=remedy or "leave it out", file=file
        ) from error
    if image.width * image.height > MOST_PIXELS:
        raise _huge(f"{image.width:,} x {image.height:,}", file)
    return image, [f"first of {frames} frames"] if frames > 1 and image.format != "MPO" else []


def as_floats(pixels: Bytes, mean: float = 0.5, deviation: float = 0.5) -> npt.NDArray[np.float32]:
    """0 to 255 as numbers around 0: (pixels / 255 - mean) / deviation; any shape."""
    return np.asarray((pixels.astype(np.float32) / 255 - mean) / deviation, np.float32)


def _huge(pixels: str, file: str | Path | None) -> DataError:
    return DataError(
        f"a picture of {pixels} pixels; {MOST_PIXELS:,} at most are decoded", remedy="make it smaller", file=file
    )


def _rough(size: tuple[int, int], form: Form, *, sideways: bool) -> tuple[int, int]:
    """Width and height, as the file has them, that a JPEG need not be decoded finer than: twice what is asked."""
    assert form.size is not None
    scale = max(form.size[0] / size[0], form.size[1] / size[1])
    height, width = (max(1, round(2 * scale * side)) for side in size)
    return (height, width) if sideways else (width, height)


def _upright(image: Any, turned: int, done: list[str]) -> Any:
    """As its EXIF says the camera was held."""
    if turned not in range(2, 9):
        return image
    transpose = pillow().Transpose
    ways = {
        2: transpose.FLIP_LEFT_RIGHT,
        3: transpose.ROTATE_180,
        4: transpose.FLIP_TOP_BOTTOM,
        5: transpose.TRANSPOSE,
        6: transpose.ROTATE_270,
        7: transpose.TRANSVERSE,
        8: transpose.ROTATE_90,
    }
    done.append("turned as its camera was")
    return image.transpose(ways[turned])


def _plain(image: Any, channels: int, done: list[str], file: str | Path | None) -> Any:
    """Grey or red, green, blue, 8 bits each; what is transparent is white."""
    module = pillow()
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = module.fromarray(_eight_bits(image, file))
        done.append("16 bits to 8")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = module.alpha_composite(module.new("RGBA", image.size, (WHITE, WHITE, WHITE, 255)), image)
        done.append("alpha over white")
    elif image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        done.append(f"{image.mode} to RGB")
        image = image.convert("RGB")
    return image.convert("RGB" if channels == 3 else "L")


def _eight_bits(image: Any, file: str | Path | None) -> Bytes:
    """Errors: DataError for numbers that are not those of 16 bits"""
    numbers = np.asarray(image)
    if image.mode == "F" or numbers.min() < 0 or numbers.max() > 0xFFFF:
        raise DataError(
            f"its pixels are {'floating-point numbers' if image.mode == 'F' else 'numbers of 32 bits'}, "
            f"{numbers.min():.6g} to {numbers.max():.6g}: what is black and what is white is not said",
            remedy="save it with 8 or 16 bits a channel",
            file=file,
        )
    return np.asarray(numbers.astype(np.int64) >> 8, np.uint8)


def _sized(image: Any, form: Form) -> Bytes:
    """[C, H, W]; areas are averaged where it becomes smaller."""
    if form.size is not None:
        image = _fitted(image, form.size, form.fit)
    pixels = np.array(image)
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def _fitted(image: Any, size: tuple[int, int], fit: Fit) -> Any:
    module = pillow()
    height, width = size
    way = module.Resampling.BILINEAR
    if fit == "stretch" or image.width * height == image.height * width:
        return image if image.size == (width, height) else image.resize((width, height), way)
    if fit == "crop":
        scale = min(image.width / width, image.height / height)
        across, down = width * scale, height * scale
        left, top = (image.width - across) / 2, (image.height - down) / 2
        return image.resize((width, height), way, box=(left, top, left + across, top + down))
    scale = min(width / image.width, height / image.height)
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    made = module.new(image.mode, (width, height))
    made.paste(image.resize(inner, way), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return made


def _reason(error: BaseException) -> str:
    return str(error).split("\n")[0][:120] or type(error).__name__
