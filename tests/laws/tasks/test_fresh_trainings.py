"""What holds for trainings of a process that begins as the command line does, without parts of torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from recurra import model_folder
from recurra.tasks.registry import TASKS
from tests.laws.tasks.tiny_tasks import shared_runs

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("tasks", [list(TASKS)[::2], list(TASKS)[1::2]], ids=" ".join)
def test_a_fresh_process_trains_the_same_weights(
    tasks: list[str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    code = (
        "import sys\n"
        "from recurra.torch_parts import leave_parts_for_later; leave_parts_for_later()\n"
        "import torch\n"
        "torch.set_num_threads(int(sys.argv[1]))\n"
        "from pathlib import Path\n"
        "from recurra.api import training_run\n"
        "from tests.laws.tasks.tiny_tasks import TINY\n"
        "training_run.build_report = lambda record: '<html></html>'\n"
        "for task in sys.argv[2:]:\n"
        "    folder = Path(task)\n"
        "    folder.mkdir()\n"
        "    TINY[task].train(folder, folder / 'run')\n"
    )
    words = [sys.executable, "-c", code, str(torch.get_num_threads()), *tasks]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RECURRA_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    runs = shared_runs(tmp_path_factory)
    for task in tasks:
        ours, theirs = (model_folder.read(folder).weights() for folder in (tmp_path / task / "run", runs[task].folder))
        assert ours.keys() == theirs.keys()
        assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == [], task
