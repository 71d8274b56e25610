"""The cells that the laws run over are tested here, too."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]

sys.path[:0] = [str(TESTS / "laws"), str(TESTS / "equations")]
