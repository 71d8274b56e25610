"""What a reader of the how-tos has: files with the names that the pages use, small and made up."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recurra.data.datasets import named

RATE = 8000


def table(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])


def texts(folder: Path) -> None:
    """input.txt, new.txt, data/input.txt; book.txt, longer, of many made-up words"""
    prose = named.get("python-docs").files["all"].read_text(encoding="utf-8")
    (folder / "data").mkdir()
    for name, begin in (("input.txt", 0), ("new.txt", 60_000), ("data/input.txt", 0)):
        (folder / name).write_text("ROMEO:\n" + prose[begin : begin + 30_000], encoding="utf-8")
    drawn = random.Random(0)
    words = [
        "".join(drawn.choices(("ka", "lo", "mi", "ner", "ta", "su"), k=drawn.randint(2, 5))) for _ in range(60_000)
    ]
    lines = (" ".join(words[at : at + 10]) for at in range(0, len(words), 10))
    (folder / "book.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def reviews(folder: Path, label: str = "label", text: str = "text") -> None:
    """reviews.csv, in English and Chinese"""
    rows: list[tuple[str, str]] = []
    for thing, name in (("book", "书"), ("film", "电影"), ("play", "戏"), ("song", "歌"), ("meal", "饭")):
        for who, person in (("We", "我们"), ("They", "他们"), ("Both of us", "大家")):
            rows += [(f"{who} liked the {thing}, every minute", "positive"), (f"{person}都喜欢这{name}", "positive")]
            rows += [(f"{who} left the {thing} early", "negative"), (f"{person}不推荐这{name}，很无聊", "negative")]
    table(folder / "reviews.csv", (text, label), rows)


def names(folder: Path) -> None:
    """names/LABEL.txt"""
    (folder / "names").mkdir()
    for label in ("Italian", "Russian", "Vietnamese"):
        surnames = named.get("surnames").files[label].read_text(encoding="utf-8").splitlines()
        (folder / "names" / f"{label}.txt").write_text("\n".join(surnames[:60]) + "\n", encoding="utf-8")


def sound(folder: Path, *, digits: bool = True) -> None:
    """digits/LABEL/, recordings/LABEL_SPEAKER_TAKE.wav, calls.csv with its recordings, new.wav, call.wav, call.raw"""
    import soundfile

    made = np.random.default_rng(0)

    def tone(label: int, seconds: float = 0.25) -> np.ndarray:
        time = np.arange(round(RATE * seconds)) / RATE
        return 0.4 * np.sin(2 * np.pi * (300 + 400 * label) * time) + 0.01 * made.normal(size=len(time))

    for label, name in enumerate(("7", "8", "9")):
        if digits:
            (folder / "digits" / name).mkdir(parents=True)
        (folder / "recordings").mkdir(exist_ok=True)
        for take in range(10):
            if digits:
                soundfile.write(folder / "digits" / name / f"{take}.wav", tone(label), RATE)
            for speaker in ("ann", "bob"):
                soundfile.write(folder / "recordings" / f"{name}_{speaker}_{take}.wav", tone(label), RATE)
    rows = []
    for call in range(12):
        heard = np.concatenate([tone(2) * 0.02, tone(call % 2), tone(2) * 0.02])
        soundfile.write(folder / f"call{call}.wav", heard, RATE)
        rows.append((f"call{call}.wav", 0.25, 0.5, ("low", "high")[call % 2]))
    table(folder / "calls.csv", ("path", "start", "end", "label"), rows)
    soundfile.write(folder / "new.wav", tone(1), RATE)
    soundfile.write(folder / "call.wav", heard, RATE)
    (folder / "call.raw").write_bytes((np.repeat(heard, 2) * 32767).astype("<i2").tobytes())


def moves(folder: Path) -> None:
    """moves.csv, labelled.csv, new.csv without labels"""
    made = np.random.default_rng(0)

    def rows(count: int, label: bool) -> list[list[object]]:
        found: list[list[object]] = []
        for number in range(count):
            what = ("wave", "rest")[number % 2]
            for step in range(20):
                x = np.sin(step) * (what == "wave") + made.normal(scale=0.1)
                found.append([number, *([what] if label else []), f"{x:.4f}", f"{made.normal():.4f}"])
        return found

    table(folder / "moves.csv", ("id", "label", "x", "y"), rows(30, True))
    table(folder / "labelled.csv", ("id", "label", "x", "y"), rows(6, True))
    table(folder / "new.csv", ("id", "x", "y"), rows(4, False))


def clips(folder: Path) -> None:
    """my-clips/LABEL/CLIP/frameN.png, new-clip/"""
    from PIL import Image

    def clip(place: Path, direction: int, start: int) -> None:
        place.mkdir(parents=True)
        for frame in range(6):
            picture = np.zeros((12, 12), np.uint8)
            picture[5:7, (start + direction * frame) % 12] = 255
            Image.fromarray(picture).save(place / f"frame{frame:03}.png")

    for label, direction in (("left", -1), ("right", 1)):
        for number in range(10):
            clip(folder / "my-clips" / label / f"clip{number}", direction, number)
    clip(folder / "new-clip", 1, 3)


def photographs(folder: Path) -> None:
    """photos/ with captions.txt, other/ with captions.csv, flickr8k_mini/, dog.jpg, shape.png"""
    from PIL import Image

    colours = {"red": (200, 30, 30), "green": (30, 180, 60), "blue": (40, 60, 200)}
    (folder / "photos").mkdir()
    (folder / "other").mkdir()
    captions, others = [], []
    for number in range(24):
        colour = tuple(colours)[number % 3]
        shade = tuple(min(255, part + number) for part in colours[colour])
        Image.new("RGB", (64, 64), shade).save(folder / "photos" / f"{number}.png")
        captions.append(f"{number}.png\ta {colour} picture\n")
        if number < 4:
            Image.new("RGB", (64, 64), shade[::-1]).save(folder / "other" / f"{number}.png")
            others.append((f"{number}.png", f"a {colour} picture"))
    (folder / "photos" / "captions.txt").write_text("".join(captions), encoding="utf-8")
    table(folder / "other" / "captions.csv", ("image", "caption"), others)
    shutil.copytree(folder / "photos", folder / "flickr8k_mini")
    Image.new("RGB", (80, 60), (150, 90, 60)).save(folder / "dog.jpg")
    Image.new("RGB", (64, 64), (240, 240, 240)).save(folder / "shape.png")


def series(folder: Path) -> None:
    """sales.csv by day; new.csv by month, as `airline` is; SPY.csv, a price with its volume"""
    made = np.random.default_rng(0)
    days = np.arange("2020-01-01", "2021-03-01", dtype="datetime64[D]")
    table(folder / "sales.csv", ("date", "sales"), [(day, 50 + 10 * (n % 7) + n % 3) for n, day in enumerate(days)])
    months = np.arange("2019-01", "2025-01", dtype="datetime64[M]")
    rows = [(month, round(300 + 3 * n + 40 * np.sin(n * np.pi / 6))) for n, month in enumerate(months)]
    table(folder / "new.csv", ("Month", "Passengers"), rows)
    close = 100 + np.cumsum(made.normal(size=len(days)))
    prices = [
        (day, *[f"{c + shift:.2f}" for shift in (0, 1, -1, 0, 0)], 1000 + n)
        for n, (day, c) in enumerate(zip(days, close, strict=True))
    ]
    table(folder / "SPY.csv", ("Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"), prices)


def vectors(folder: Path) -> None:
    """glove.6B.100d.txt, and vectors.bin as word2vec writes it"""
    words = "the a and film movie terrible terrific dull good bad not very is was fun".split()
    made = np.random.default_rng(0).normal(size=(len(words), 100)).astype("<f4")
    lines = [f"{word} {' '.join(f'{number:.4f}' for number in row)}\n" for word, row in zip(words, made, strict=True)]
    (folder / "glove.6B.100d.txt").write_text("".join(lines), encoding="utf-8")
    binary = b"".join(word.encode() + b" " + row.tobytes() + b"\n" for word, row in zip(words, made, strict=True))
    (folder / "vectors.bin").write_bytes(f"{len(words)} 100\n".encode() + binary)


def candidates(folder: Path, page: str) -> None:
    """nbest.txt as the page shows it, candidates.txt the same"""
    shown = next(block for block in page.split("```text\n")[1:] if "\n\n" in block).split("```")[0]
    for name in ("nbest.txt", "candidates.txt"):
        (folder / name).write_text(shown, encoding="utf-8")


def amplifier(folder: Path) -> None:
    """amp.jsonl: frames with a label each, for a network in one direction"""
    made = np.random.default_rng(0)
    rows = []
    for number in range(12):
        for step in range(30):
            value = float(np.sin(step / 3 + number))
            rows.append({"id": number, "label": "up" if value > 0 else "down", "x": value + 0.1 * made.normal()})
    (folder / "amp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
