"""Pictures of every kind are read within bounds; what is none is named."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recurra.data.pictures import decoding
from recurra.data.pictures.decoding import Form, as_floats, decode, is_picture, read_picture
from recurra.errors import DataError

RAMP = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
"""Grey [H 2, W 3]."""


def encoded(image: Image.Image, kind: str = "PNG", **more: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **more)
    return stream.getvalue()


def test_grey_and_colours_as_they_are() -> None:
    grey = decode(encoded(Image.fromarray(RAMP)), Form(channels=1))
    assert grey.pixels.dtype == np.uint8
    assert grey.pixels.tolist() == [RAMP.tolist()]
    assert (grey.size, grey.done) == ((2, 3), ())
    rgb = decode(encoded(Image.new("RGB", (3, 2), (10, 20, 30))))
    assert rgb.pixels.shape == (3, 2, 3)
    assert rgb.pixels[:, 0, 0].tolist() == [10, 20, 30]


def test_sixteen_bits_are_scaled_not_cut_off() -> None:
    found = decode(encoded(Image.fromarray((RAMP.astype(np.uint16) << 8) + 7)), Form(channels=1))
    assert found.pixels.tolist() == [RAMP.tolist()]
    assert found.done == ("16 bits to 8",)


def test_what_is_transparent_is_white_in_every_mode() -> None:
    clear = Image.new("RGBA", (2, 2), (200, 0, 0, 0))
    clear.putpixel((0, 0), (200, 0, 0, 255))
    found = decode(encoded(clear))
    assert found.pixels[:, 0, 0].tolist() == [200, 0, 0]
    assert found.pixels[:, 1, 1].tolist() == [255, 255, 255]
    assert found.done == ("alpha over white",)
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([0, 0, 0, 9, 9, 9])
    assert decode(encoded(palette, transparency=1)).pixels.min() == 255


def test_cmyk_and_animations() -> None:
    cmyk = decode(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
    assert cmyk.pixels[0].min() > 200
    assert cmyk.pixels[1].max() < 60
    assert cmyk.done == ("CMYK to RGB",)
    frames = [Image.new("L", (2, 2), shade) for shade in (50, 200)]
    moving = decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), Form(channels=1))
    assert moving.pixels.tolist() == [[[50, 50], [50, 50]]]
    assert moving.done == ("first of 2 frames",)


@pytest.mark.parametrize("turned", range(1, 9))
def test_cameras_held_otherwise(turned: int) -> None:
    image, exif = Image.fromarray(RAMP), Image.Exif()
    exif[decoding.ORIENTATION] = turned
    as_stored = {
        1: RAMP,
        2: RAMP[:, ::-1],
        3: RAMP[::-1, ::-1],
        4: RAMP[::-1],
        5: RAMP.T,
        6: np.rot90(RAMP),
        7: np.rot90(RAMP.T, 2),
        8: np.rot90(RAMP, 3),
    }[turned]
    image = Image.fromarray(np.ascontiguousarray(as_stored))
    found = decode(encoded(image, exif=exif), Form(channels=1))
    assert found.pixels.tolist() == [RAMP.tolist()]
    assert found.size == (2, 3)


def test_three_ways_to_another_shape() -> None:
    wide = Image.new("L", (40, 20), 0)
    wide.paste(200, (10, 0, 30, 20))
    data = encoded(wide)
    stretched = decode(data, Form((10, 10), 1, "stretch")).pixels[0]
    assert stretched[5, 0] == 0
    assert stretched[5, 5] == 200
    assert decode(data, Form((10, 10), 1, "crop")).pixels.min() > 150
    padded = decode(data, Form((10, 10), 1, "pad")).pixels[0]
    assert padded[0].max() == 0
    assert padded[5, 5] == 200
    assert decode(data, Form((224, 224))).pixels.shape == (3, 224, 224)


def test_a_large_jpeg_is_decoded_no_finer_than_needed() -> None:
    data = encoded(Image.linear_gradient("L").resize((1600, 1600)).convert("RGB"), "JPEG")
    small, whole = decode(data, Form((32, 32))), decode(data)
    assert small.size == whole.size == (1600, 1600)
    rough = whole.pixels.reshape(3, 32, 50, 32, 50).mean((2, 4))
    assert abs(small.pixels - rough).max() < 6


def test_the_same_bytes_have_the_same_name(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(RAMP)))
    assert read_picture(path).sha256 == decode(path.read_bytes()).sha256
    assert is_picture(path)
    assert not is_picture(tmp_path / "a.txt")


def test_floats_lie_around_zero() -> None:
    assert as_floats(np.array([[[0, 255]]], np.uint8)).tolist() == [[[-1.0, 1.0]]]


def header(width: int, height: int) -> bytes:
    """The beginning of a PNG that says it is of that size."""
    parts = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(bytes(99))
    chunks = [struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_huge_pictures_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    for width, height in ((8_000, 8_000), (12_000, 12_000), (30_000, 30_000), (1 << 30, 1 << 30)):
        (tmp_path / "huge.png").write_bytes(header(width, height))
        with pytest.raises(DataError, match=r"huge\.png: .* pixels; 50,000,000 at most are decoded\nmake it smaller"):
            read_picture(tmp_path / "huge.png")


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for kind, ending in (("PNG", "png"), ("JPEG", "jpg"), ("TIFF", "tif"), ("BMP", "bmp")):
        whole = encoded(Image.fromarray(noise), kind)
        path = tmp_path / f"short.{ending}"
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match=rf"short\.{ending}: (this picture cannot be decoded|this is no picture)"):
            read_picture(path)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DataError, match=r"text\.png: this is no picture.*\nread are \.png"):
        read_picture(tmp_path / "text.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(DataError, match=r"empty\.png: an empty file"):
        read_picture(tmp_path / "empty.png")
    with pytest.raises(DataError, match=r"none\.png: cannot be read: No such file"):
        read_picture(tmp_path / "none.png")
    monkeypatch.setattr(decoding, "MOST_BYTES", 3)
    with pytest.raises(DataError, match="a picture of 10 bytes; 3 at most"):
        read_picture(tmp_path / "text.png")


def test_numbers_without_black_and_white_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"floating-point numbers, 0\.5 to 0\.5: what is black and what is white is not"
    ):
        decode(encoded(Image.new("F", (2, 2), 0.5), "TIFF"))
    with pytest.raises(DataError, match="numbers of 32 bits, 70000 to 70000"):
        decode(encoded(Image.new("I", (2, 2), 70_000), "TIFF"))


def test_pillow_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(ValueError, match=r"need the package Pillow.*\n.*pip install pillow"):
        decode(b"x")


def test_damaged_bytes_are_read_or_refused() -> None:
    rng = np.random.default_rng(1)
    exif = Image.Exif()
    exif[decoding.ORIENTATION] = 6
    noise = Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8))
    wholes = [
        encoded(noise, kind, **more)
        for kind, more in (
            ("PNG", {"exif": exif}),
            ("JPEG", {"exif": exif}),
            ("GIF", {}),
            ("WEBP", {}),
            ("TIFF", {}),
            ("BMP", {}),
            ("PPM", {}),
        )
    ]
    read = 0
    for number in range(400):
        data = bytearray(wholes[number % len(wholes)])
        for _ in range(int(rng.integers(1, 6))):
            data[int(rng.integers(0, min(len(data), 200)))] = int(rng.integers(0, 256))
        with suppress(DataError):
            assert decode(bytes(data), Form((8, 8)), file="odd").pixels.shape == (3, 8, 8)
            read += 1
    assert 0 < read < 400
