"""`python -m recurra` is `recurra`."""

from __future__ import annotations

import sys

from recurra.cli import main

sys.exit(main())
