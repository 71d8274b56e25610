"""Fonts that show Chinese, as far as this machine has any.

Text in pictures stays text, drawn by the reader's browser. The font here measures it, and draws where matplotlib is
asked for pixels.
"""

from __future__ import annotations

import functools
import json
import logging

from matplotlib import font_manager

from recurra.data.tokens.chinese import is_han
from recurra.report.record import RunRecord

log = logging.getLogger("recurra.report")

LATIN = "DejaVu Sans"
CHINESE = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Hiragino Sans GB",
    "Heiti SC", "STHeiti", "Microsoft YaHei", "SimHei", "DengXian", "SimSun", "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Noto Sans CJK TC", "Noto Sans CJK HK", "Noto Sans CJK JP", "Noto Sans CJK KR", "Microsoft JhengHei", "PingFang TC",
    "Noto Serif CJK SC", "Droid Sans Fallback", "AR PL UMing CN", "AR PL UKai CN", "Arial Unicode MS", "Unifont",
)  # fmt: skip
"""Families that have Chinese characters, the most wanted first: plain faces and simplified forms before others."""
NO_FONT = (
    "no font with Chinese characters is installed here, so pictures may show boxes in their place; "
    "install one, as with `apt install fonts-noto-cjk`"
)


@functools.cache
def chinese_family() -> str | None:
    """The first family of CHINESE on this machine, None without any."""
    return _first() or (_first() if _read_anew() else None)


def _first() -> str | None:
    there = {font.name for font in font_manager.fontManager.ttflist}
    return next((family for family in CHINESE if family in there), None)


def _read_anew() -> bool:
    """Add the fonts that were installed since matplotlib wrote its list, which it keeps. Whether there are any"""
    known = {font.fname for font in font_manager.fontManager.ttflist}
    new = [path for path in font_manager.findSystemFonts() if path not in known]
    for path in new:
        try:
            font_manager.fontManager.addfont(path)
        except (OSError, RuntimeError, ValueError) as error:
            log.debug("the font %s cannot be read: %s", path, error)
    return bool(new)


def families() -> list[str]:
    """What text is set in: the second where the first lacks the character."""
    chinese = chinese_family()
    return [LATIN] if chinese is None else [LATIN, chinese]


def note(record: RunRecord) -> str | None:
    """What to tell the user: NO_FONT if the record has Chinese to show and no font here has it, else None."""
    if chinese_family() is not None or not any(map(is_han, json.dumps(record.to_json(), ensure_ascii=False))):
        return None
    chinese_family.cache_clear()  # one may have been installed since this process looked
    return NO_FONT if chinese_family() is None else None
