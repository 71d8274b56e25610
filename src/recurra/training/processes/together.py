"""A run in several processes: one network, the rows of each batch divided, and one reduction a step."""

from __future__ import annotations

import atexit
import datetime
import itertools
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, distributed, nn

from recurra.data.splits import many
from recurra.engines.request import State
from recurra.errors import CallbackError, RankError, UsageError
from recurra.training.history import Clock, Point, Progress, Silent, Tick, asked_to_end
from recurra.training.processes import norms
from recurra.training.processes.alone import Processes
from recurra.training.processes.division import own_rows
from recurra.training.processes.heartbeat import LOST, Heartbeat
from recurra.training.processes.place import Place
from recurra.training.processes.plain import Device, Precision
from recurra.training.processes.quiet import quiet_fabric
from recurra.training.processes.reduction import Numbers, Reduction
from recurra.training.processes.spread import shared_by
from recurra.training.signals import STOPPING, StopRequest
from recurra.training.trainee import Carrying, Divisible, Trainee, Weighing

T = TypeVar("T")
FOREVER = datetime.timedelta(days=7)
"""A step may take long; who is dead, the heartbeat finds out."""
STORE = datetime.timedelta(seconds=10)
_RUNS = itertools.count()
"""Of this process, and so of the others."""
_FIELDS = dict(zip(("SIGINT", "SIGTERM", "SIGHUP"), ("interrupts", "terminations", "hangups"), strict=True))


class Together(Processes):
    """The processes that torchrun has started, joined: gloo between CPUs, nccl between GPUs.

    Errors: RankError out of everything that is done together, once another process has ended
    """

    def __init__(self, place: Place) -> None:
        self.place, self.host = place, socket.gethostname()
        self.now = 0.0
        self._begun: Callable[[], float] | None = None
        self._counts, self._weight = True, 0
        self._reduction: Reduction | None = None
        self._network: nn.Module | None = None
        self._stop: StopRequest | None = None
        self._received: int | None = None
        self._failures = 0
        self._enough = False
        self._pending: CallbackError | None = None
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        if not distributed.is_initialized():
            # kept until the end, for torchrun's store would remember its addresses in the next run of this process
            distributed.init_process_group(backend, timeout=FOREVER)
            atexit.register(_parted)
        from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

        environment = TorchElasticEnvironment()
        store = distributed.TCPStore(
            environment.main_address, environment.main_port, is_master=False, timeout=STORE, wait_for_workers=False
        )
        runs = next(_RUNS)
        self.heartbeat = Heartbeat(distributed.PrefixStore(f"recurra/{runs}", store), place, self.host)
        self.all_reduce(torch.zeros(1))  # every process has told of itself; a barrier would choose a GPU by itself
        self.heartbeat.start()

    # what is done together

    def _joined(self, do: Callable[[], T]) -> T:
        try:
            return do()
        except RuntimeError as error:
            raise self.broken(error) from error

    def broken(self, error: BaseException) -> RankError:
        """What a connection that has broken means."""
        failure = self.heartbeat.found_out()
        if failure is None:
            return RankError(f"the connection to another process was lost: {str(error).splitlines()[0]:.200}", LOST)
        return RankError(failure.message, failure.code)

    def all_reduce(self, tensor: Tensor) -> None:
        """The sum over all processes, in place."""
        self._joined(lambda: distributed.all_reduce(tensor))

    def gather(self, own: T) -> list[T]:
        """What each process gives, by rank."""
        found: list[Any] = [None] * self.place.count
        self._joined(lambda: distributed.all_gather_object(found, own))
        return found

    def from_first(self, own: T) -> T:
        """What the first process gives."""
        given: list[Any] = [own]
        self._joined(lambda: distributed.broadcast_object_list(given, 0))
        return given[0]  # type: ignore[no-any-return]

    # what the loop asks for

    def fabric(self, device: str, precision: Precision) -> Device:
        from lightning_fabric import Fabric
        from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

        from recurra.training.processes.flat import Flat

        place = self.place
        if place.count % place.local_count:
            raise UsageError(
                f"{place.count} processes in all, {place.local_count} on this machine: give every machine as many"
            )
        cards = torch.cuda.device_count()
        if device != "cpu" and torch.cuda.is_available() and place.local_count > cards:
            raise UsageError(
                f"{place.local_count} processes on this machine, which has {many(cards, 'CUDA device')}"
                f"\nstart torchrun with --nproc-per-node {cards}, or train with --device cpu"
            )
        with quiet_fabric():
            fabric = Fabric(
                accelerator=device,
                devices=place.local_count,
                num_nodes=place.machines,
                precision=precision,
                strategy=Flat(),
                plugins=[TorchElasticEnvironment()],
            )
        fabric.launch()
        return fabric

    def clock(self, clock: Clock) -> Clock:
        begun = clock()
        self._begun = lambda: clock() - begun
        self.now = 0.0
        return lambda: self.now

    def progress(self, progress: Progress) -> Progress:
        return Guarded(progress, self._note_failure) if self.place.first else Silent()

    def _note_failure(self, error: CallbackError) -> None:
        self._pending = self._pending or error

    @contextmanager
    def training(self, trainee: Trainee, network: nn.Module, stop: StopRequest) -> Iterator[None]:
        if not isinstance(trainee, Divisible):
            raise UsageError(f"the batches of a {type(trainee).__name__} cannot be divided; train in one process")
        if isinstance(trainee, Carrying) and (rows := trainee.carried()[0][1]) < self.place.count:
            raise UsageError(
                f"{rows} streams of text cannot be divided among {self.place.count} processes; give batch_size "
                f"{self.place.count} or more, or start fewer"
            )
        self._network, self._stop = network, stop
        self._received, self._failures, self._pending, self._enough = None, 0, None, False
        self._reduction = Reduction(network, self.all_reduce)
        self._same_weights()
        with norms.over_all_processes(network, self.all_reduce, lambda: self._counts):
            yield

    def _same_weights(self) -> None:
        """Those of the first process: other kinds of processors may have rounded otherwise."""
        assert self._network is not None
        tensors = [value for value in self._network.state_dict().values() if value.numel()]
        for kind in dict.fromkeys(value.dtype for value in tensors):
            some = [value for value in tensors if value.dtype == kind]
            flat = torch.cat([value.detach().reshape(-1) for value in some])
            self._joined(lambda flat=flat: distributed.broadcast(flat, 0))  # type: ignore[misc]
            with torch.no_grad():
                for value, part in zip(some, torch.split(flat, [value.numel() for value in some]), strict=True):
                    value.copy_(part.view(value.shape))

    def noise(self) -> tuple[int, ...]:
        return () if self.place.first else (self.place.rank,)

    def _own_streams(self, rows: int) -> slice:
        return own_rows(np.ones(rows), self.place.rank, self.place.count)[0]

    def own_state(self, state: State | None) -> State | None:
        if state is None:
            return None
        return tuple(part[:, self._own_streams(part.shape[1])].contiguous() for part in state)

    def whole_state(self, state: State | None) -> State | None:
        if state is None:
            return None
        found = self.gather(tuple(part.detach().cpu() for part in state))
        return tuple(torch.cat(parts, 1) for parts in zip(*found, strict=True))

    def own_part(self, trainee: Trainee, batch: Any) -> Any:
        assert isinstance(trainee, Divisible)
        rows, self._counts = own_rows(trainee.costs(batch), self.place.rank, self.place.count)
        part = trainee.rows(batch, rows)
        self._weight = trainee.weight(part) if isinstance(trainee, Weighing) else -1
        return part

    def weighted(self, loss: Tensor, units: int) -> Tensor:
        if self._weight < 0:
            self._weight = units
        if not self._counts:
            self._weight = 0
        return loss * self._weight

    def reduced(self, loss: float, units: int) -> tuple[float, int]:
        assert self._reduction is not None
        sent = self._numbers()
        sent.weight, sent.loss = self._weight, loss * self._weight
        sent.units = units if self._counts else 0
        found = self._reduction.reduce(sent)
        self._take(found)
        return found.loss / max(found.weight, 1), found.units

    def _numbers(self) -> Numbers:
        """What this process has to say of time, signals and failures."""
        sent = Numbers()
        if self.place.first and self._begun is not None:
            sent.milliseconds = round(1000 * self._begun())
        received = None if self._stop is None else self._stop.received
        if received is not None:
            setattr(sent, _FIELDS[_name(received)], 1)
        sent.failures = int(self._pending is not None)
        sent.enough = int(self._stop is not None and self._stop.enough)
        return sent

    def _take(self, found: Numbers) -> None:
        self.now, self._failures = found.milliseconds / 1000, found.failures
        self._enough = self._enough or found.enough > 0
        for number in STOPPING:
            if self._received is None and getattr(found, _FIELDS[_name(number)]):
                self._received = int(number)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        self._same_weights()
        with shared_by(self):
            yield

    def agreed(self, metrics: dict[str, float]) -> dict[str, float]:
        return self.from_first(metrics)

    def stopped_by(self, stop: StopRequest) -> int | None:
        return self._received

    def enough(self, stop: StopRequest) -> bool:
        return self._enough

    def settle(self) -> None:
        own = self._numbers()
        sums = torch.tensor(own.sent(), dtype=torch.float64)
        self.all_reduce(sums)
        self._take(Numbers.read(sums.tolist()))

    def failed(self) -> CallbackError | None:
        if not self._failures:
            return None
        return self._pending or CallbackError("a callback of process 0 failed")

    def leave(self) -> None:
        """No more together."""
        self.heartbeat.stop()


class Guarded:
    """Progress of which a failing callback is noted, so that all processes stop at the same step."""

    def __init__(self, progress: Progress, note: Callable[[CallbackError], None]) -> None:
        self._progress, self._note = progress, note

    def tick(self, tick: Tick) -> None:
        try:
            self._progress.tick(tick)
        except CallbackError as error:
            self._note(error)

    def point(self, point: Point, best: bool) -> None:
        try:
            self._progress.point(point, best)
        except CallbackError as error:
            self._note(error)

    def evaluating(self) -> AbstractContextManager[None]:
        return self._progress.evaluating()

    def enough(self) -> bool:
        return asked_to_end(self._progress)


def _parted() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _name(number: int) -> str:
    return signal.Signals(number).name
