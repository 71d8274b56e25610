"""How fast the C of `recurra export --to c` is, beside what a sound card asks for: samples of a guitar amplifier.

    python benchmarks/exported_c.py [--hidden-size 40] [--seconds 20]

One LSTM of so many units, one sample in, one out, at 48 kHz, on one core, as float32 and as int8, built as the Makefile
of an export builds it here, and for any machine of this kind (`make NATIVE=`); the answer of each is compared with the
network's own before it is timed. Beside it what Recurra's own stream takes in Python. Times are of the processor, the
best of five.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from recurra.export.c.proof import FLAGS, compiler, own_flags
from recurra.export.c.written import write_c
from recurra.export.streamed import Dense, Streamed
from recurra.tasks.outgoing import Asked
from recurra.topologies.frames import FrameNetwork
from recurra.topologies.settings import FrameSettings

RATE = 48_000
TIMER = """
#define _POSIX_C_SOURCE 200112L
#include "amp.h"
#include <stdio.h>
#include <time.h>

static amp_state state;

int main(void)
{
  struct timespec from, to;
  float x = 0.1f, y = 0.0f, sum = 0.0f;
  long i;
  amp_init(&state);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
  for (i = 0; i < STEPS; i++) {
    x = x > 0.9f ? -0.9f : x + 0.01f;
    amp_step(&state, &x, &y);
    sum += y;
  }
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
  printf("%.9f %g\\n", (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec), (double)sum);
  return 0;
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden-size", type=int, default=40)
    parser.add_argument("--seconds", type=int, default=20)
    given = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = FrameNetwork(1, 1, FrameSettings(hidden_size=given.hidden_size), per_frame=True).eval()
    sound = np.sin(np.arange(2000) / 7).astype(np.float32)[:, None]
    model = Streamed(
        network.stack, head=Dense(network.head.weight.detach().numpy(), network.head.bias.detach().numpy())
    )
    print(f"LSTM of {given.hidden_size} units, one sample a step, 48,000 a second; one core")
    command = compiler()
    if command is None:
        raise SystemExit("there is no C compiler here")
    built = {"make": own_flags(command), "make NATIVE=": FLAGS}
    for precision in ("float32", "int8"):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            _, proof = write_c(place, "amp", model, network, [Asked(sound)], precision=precision)
            (place / "timer.c").write_text(TIMER.replace("STEPS", f"{given.seconds * RATE}L"))
            for name, flags in built.items():
                subprocess.run([command, *flags, "-o", "timer", "timer.c", "amp.c"], cwd=place, check=True)
                took = min(_timed(place / "timer") for _ in range(5))
                print(
                    f"{precision:8} {name:13} {took / given.seconds / RATE * 1e9:7.0f} ns a step, "
                    f"{given.seconds / took:6.1f} x real time (largest difference {proof.difference:.1g})"
                )
    stream = network.stack.stream()
    x, steps = torch.zeros(1, 1), 20_000
    begun = time.process_time()
    for _ in range(steps):
        stream.step(x)
    took = time.process_time() - begun
    print(f"{'Stack.stream, Python':22} {took / steps * 1e9:7.0f} ns a step, {steps / RATE / took:6.1f} x real time")


def _timed(program: Path) -> float:
    return float(subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout.split()[0])


if __name__ == "__main__":
    main()
