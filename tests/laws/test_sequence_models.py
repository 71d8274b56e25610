"""What holds for the network of every task: one contract, see topologies.sequence_model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import torch
from torch import Tensor

from recurra import model_folder
from recurra.engines.request import State
from recurra.errors import ShapeError, UsageError
from recurra.tasks import registry
from recurra.topologies.sequence_model import SequenceModel
from tests.laws.small_generators import GENERATORS
from tests.laws.small_networks import NETWORKS, Small, inside, rows, steps, with_junk

BATCH, TIME = 5, 6
LENGTHS = torch.tensor([6, 1, 4, 5, 3])
ALL = [*NETWORKS, *GENERATORS]
every = pytest.mark.parametrize("small", ALL, ids=lambda small: f"{small.task}: {small.name}")
ragged = pytest.mark.parametrize("small", [s for s in ALL if s.ragged], ids=lambda small: f"{small.task}: {small.name}")


@pytest.mark.parametrize("task", list(registry.TASKS))
def test_every_task_has_a_network_here(task: str) -> None:
    made = get_type_hints(type(registry.get(task).task).network)["return"]
    assert issubclass(made, SequenceModel), f"{made.__name__} is no SequenceModel"
    listed = [small for small in ALL if small.task == task]
    assert listed, f"list a network of {task} in small_networks.py"
    assert isinstance(listed[0].network(), made)


def run(small: Small, inputs: Any, lengths: Tensor | None = None, state: State | None = None) -> tuple[Tensor, State]:
    with torch.no_grad():
        found: tuple[Tensor, State] = small.network()(inputs, lengths, state)
    return found


def draw(small: Small) -> Any:
    torch.manual_seed(1)
    return small.draw(BATCH, TIME)


def lengths_of(small: Small) -> Tensor:
    return LENGTHS if small.ragged else torch.full((BATCH,), TIME)


def assert_same(small: Small, found: tuple[Tensor, State], expected: tuple[Tensor, State], lengths: Tensor) -> None:
    """Outputs up to each row's length, and states."""
    (outputs, state), (others, other_state) = found, expected
    if small.ragged and outputs.dim() == 3:
        time = min(outputs.shape[1], others.shape[1])
        there = inside(lengths, time)
        outputs, others = outputs[:, :time][there], others[:, :time][there]
    torch.testing.assert_close(outputs, others)
    torch.testing.assert_close(state, other_state)


@every
def test_outputs_and_states_have_their_shapes(small: Small) -> None:
    outputs, state = run(small, draw(small), lengths_of(small))
    assert outputs.shape == small.shape(BATCH, TIME)
    assert outputs.dtype == torch.float32
    assert isinstance(state, tuple)
    assert state
    assert all(part.dim() == 3 and part.shape[1] == BATCH for part in state)


@every
def test_lengths_that_are_all_of_it_say_what_none_says(small: Small) -> None:
    inputs, whole = draw(small), torch.full((BATCH,), TIME)
    assert_same(small, run(small, inputs, whole), run(small, inputs), whole)


@ragged
@pytest.mark.parametrize("more", [0, 3])
def test_padding_never_changes_an_answer(small: Small, more: int) -> None:
    inputs = draw(small)
    dirty = with_junk(inputs, ~inside(LENGTHS, TIME), more)
    assert_same(small, run(small, dirty, LENGTHS), run(small, inputs, LENGTHS), LENGTHS)


@every
def test_batch_mates_do_not_matter(small: Small) -> None:
    inputs, lengths = draw(small), lengths_of(small)
    outputs, state = run(small, inputs, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = rows(inputs, [row])
        found = run(small, steps(alone, 0, length) if small.ragged else alone)
        expected = outputs[row : row + 1], tuple(part[:, row : row + 1] for part in state)
        assert_same(small, found, expected, lengths[row : row + 1])


@ragged
@pytest.mark.parametrize("cut", [1, 4])
def test_chunks_with_the_state_carried_equal_one_run_or_the_state_is_refused(small: Small, cut: int) -> None:
    inputs, network = draw(small), small.network()
    whole, last = run(small, inputs)
    first, state = run(small, steps(inputs, 0, cut))
    reason = network.why_no_state()
    if reason is not None:
        with pytest.raises(UsageError, match=re.escape(reason)):
            run(small, steps(inputs, cut), None, state)
        with pytest.raises(UsageError, match=re.escape(reason)):
            network.loss(small.batch(inputs, LENGTHS), state)
        return
    second, state = run(small, steps(inputs, cut), None, state)
    torch.testing.assert_close(torch.cat([first, second], 1) if whole.dim() == 3 else second, whole)
    torch.testing.assert_close(state, last)


@every
def test_one_way_networks_carry_a_state(small: Small) -> None:
    """What takes no state says why, and has a reason: a backward direction, or outputs that look at all steps."""
    reason = small.network().why_no_state()
    carried = {
        "classify": {"last"},
        "tag": {"one way"},
        "language": {"softmax", "sampled", "adaptive"},
        "fill": set(),
        "forecast": set(),
        "frames": {"a label a frame", "clips"},
        "generate": {"state", "input"},
        "generate-frames": {"one Gaussian", "a mixture"},
        "translate": {"attention", "input feeding", "state alone", "copying, fed False", "copying, fed True"},
        "caption": {"attention", "given vectors", "state", "each step", "first input"},
    }
    assert (reason is None) == (small.name in carried.get(small.task, {small.name}))


@every
def test_the_loss_is_what_the_outputs_give_by_the_plain_formula(small: Small) -> None:
    network, inputs, lengths = small.network(), draw(small), lengths_of(small)
    batch = small.batch(inputs, lengths)
    loss = network.loss(batch)
    with torch.no_grad():
        outputs, _ = network(inputs, lengths)
        expected, count = small.plain(network, outputs, batch)
    torch.testing.assert_close(loss.mean.detach(), expected, rtol=1e-5, atol=1e-6)
    assert loss.units == count
    loss.mean.backward()
    assert any(weight.grad is not None and weight.grad.any() for weight in network.parameters())


@every
def test_the_state_of_a_loss_goes_into_the_next_one(small: Small) -> None:
    network, whole = small.network(), torch.full((BATCH,), TIME)
    state = network.loss(small.batch(draw(small), whole)).state
    if state is None:
        return
    _, expected = run(small, draw(small), whole)
    torch.testing.assert_close(state, expected)
    begun, on = (network.loss(small.batch(draw(small), whole), given).mean.item() for given in (None, state))
    assert begun != on


@every
def test_saved_and_loaded_it_is_the_same_to_the_bit(small: Small, tmp_path: Path) -> None:
    network = small.network()
    model_folder.write(tmp_path / "m", config={}, preprocessing={}, weights=network.state_dict(), metrics={})
    torch.manual_seed(5)
    again = small.make().eval()
    again.load_state_dict(model_folder.read(tmp_path / "m").weights())
    inputs, lengths = draw(small), lengths_of(small)
    with torch.no_grad():
        (outputs, state), (others, other_state) = network(inputs, lengths), again(inputs, lengths)
    assert torch.equal(outputs, others)
    assert all(torch.equal(a, b) for a, b in zip(state, other_state, strict=True))


@every
@pytest.mark.parametrize("wrong", [0, -1, TIME + 1, 99])
def test_lengths_that_cannot_be_are_refused_with_the_numbers(small: Small, wrong: int) -> None:
    lengths = lengths_of(small).clone()
    lengths[2] = wrong
    with pytest.raises(ShapeError, match=rf"(?s){TIME}.*{wrong}|{wrong}.*{TIME}"):
        run(small, draw(small), lengths)


@every
def test_a_state_of_another_form_is_refused(small: Small) -> None:
    inputs = draw(small)
    _, state = run(small, inputs)
    with pytest.raises((ShapeError, UsageError)):
        run(small, steps(inputs, 1) if small.ragged else inputs, None, state[:-1])
