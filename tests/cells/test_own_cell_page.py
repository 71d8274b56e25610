"""The page about a cell from a new paper: its code runs as it stands there, is short, and touches nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from recurra.equations.symbols import FUNCTIONS, WEIGHTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "own-cell.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

TRAINS = """
torch.manual_seed(0)
layer = recurra.RNN(4, 16, cell="hgrn", batch_first=True)
head = torch.nn.Linear(16, 4)
optimiser = torch.optim.Adam([*layer.parameters(), *head.parameters()], 0.02)
tokens = torch.randint(0, 4, (16, 20))
x = torch.nn.functional.one_hot(tokens, 4).float()
for _ in range(60):  # say again what came two steps before
    loss = torch.nn.functional.cross_entropy(head(layer(x)[0])[:, 2:].flatten(0, 1), tokens[:, :-2].flatten())
    optimiser.zero_grad(), loss.backward(), optimiser.step()
assert loss < 1.2, loss  # guessing: ln 4 = 1.39
assert recurra.explain("hgrn").linear and recurra.explain("hgrn").units_apart
"""


def test_the_page_is_short_and_runs(tmp_path: Path) -> None:
    assert len(BLOCKS) == 2
    assert sum(len(block.splitlines()) for block in BLOCKS) < 40
    file = tmp_path / "mine.py"
    file.write_text("\n".join([*BLOCKS, TRAINS]), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, file], capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "hgrn: HGRN" in done.stdout
    assert "many steps run at once" in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["mine.py"], "no other file is touched"


def test_the_page_names_the_whole_language() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in FUNCTIONS:
        assert re.search(rf"[` ]{name}[` (]", text), name
    for name in WEIGHTS:
        assert f"`{name}.f" in text, name
