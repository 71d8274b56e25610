"""Train, validation and test: by distinct text as a network reads it, so that nothing leaks."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from recurra.data.files.examples import Examples
from recurra.data.files.rows import ExampleRows
from recurra.data.packed import numbered
from recurra.data.twins import Form, shortened
from recurra.errors import DataError, UsageError, listed

Int64 = npt.NDArray[np.int64]
PARTS = ("train", "validation", "test")
HELD_OUT = 0.1
"""Share of a training part that becomes the validation part if nothing says how much."""
PART_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development", "testa"), "validation"),
    **dict.fromkeys(("test", "testing", "testb"), "test"),
}
"""What parts are called in the names of files and in columns, in lower case, and which they are."""


@dataclass
class Splits:
    """The three parts; validation and test may be empty."""

    train: Examples
    validation: Examples = field(default_factory=Examples)
    test: Examples = field(default_factory=Examples)

    def __iter__(self) -> Iterator[tuple[str, Examples]]:
        """("train", ...), ("validation", ...), ("test", ...)."""
        return ((name, getattr(self, name)) for name in PARTS)


def check_fractions(fractions: Sequence[float]) -> tuple[float, float, float]:
    """The three shares. Errors: UsageError unless they add up to 1 and the first is above 0."""
    shares = tuple(float(share) for share in fractions)
    if len(shares) != 3 or not all(0 <= share <= 1 for share in shares):
        raise UsageError(f"fractions are three shares for {', '.join(PARTS)}, got {list(fractions)}")
    if not math.isclose(sum(shares), 1, abs_tol=1e-6) or not shares[0]:
        raise UsageError(f"fractions add up to 1 and train has a share, got {list(fractions)}")
    return shares[0], shares[1], shares[2]


def from_parts(parts: Mapping[str, Examples]) -> Splits:
    """Splits from parts under their usual names ("dev", "val", ... are the validation part).

    Errors: DataError for an unknown name, for two names of one part, or without a training part.
    """
    known: dict[str, Examples] = {}
    for name, examples in parts.items():
        part = PART_NAMES.get(name.lower())
        if part is None or part in known:
            problem = f"{name!r} is no part of a split" if part is None else f"two parts are the {part} part"
            raise DataError(f"{problem}; there are {listed(parts)}", remedy=f"name them {', '.join(PARTS)}")
        known[part] = examples
    if "train" not in known:
        raise DataError(f"there is no train part, only {listed(parts)}")
    return Splits(**known)


def split(
    examples: Examples, fractions: Sequence[float] = (0.8, 0.1, 0.1), *, seed: int = 0, form: Form | None = None
) -> Splits:
    """Split at random, by distinct form and stratified by label.

    form: what a network sees of a text, see `recurra.data.twins`; without it, the text itself. All examples of the same
    form go to the same part, so the fractions hold for distinct forms. A form under several labels counts for its most
    frequent one, among equals for the one that is rarer in the whole. A label's n forms are shared out by largest
    remainder; each part that has a share gets at least one of them if n allows, otherwise train comes first, then test.
    At last, a label that would be missing in train gives it one of its forms. Which part a text goes to depends on the
    seed and on the set of examples, not on their order; within a part the order of `examples` stays.
    Errors: UsageError for fractions that cannot be.
    """
    part_of = divide(examples, fractions, seed=seed, form=form)
    return Splits(*(Examples(examples.at(np.flatnonzero(part_of == part)).items) for part in range(len(PARTS))))


def divide(
    examples: Examples,
    fractions: Sequence[float],
    *,
    seed: int = 0,
    form: Form | None = None,
    keys: npt.NDArray[np.uint64] | None = None,
) -> Int64:
    """As `split`: the part of each example, an index of PARTS. keys: of each example, where the forms of all are known
    already, the same for the same form. Shapes: keys uint64 [N] -> int64 [N]
    """
    shares = check_fractions(fractions)
    text, by_number, rank = _texts(examples)
    names, label = _labels(examples)
    form_of = np.arange(len(by_number))
    if keys is not None:
        one_of = np.empty(len(by_number), np.int64)
        one_of[text] = np.arange(len(text))
        form_of, _ = numbered(keys[one_of])
    elif form is not None:
        forms: dict[bytes, int] = {}
        found = (forms.setdefault(_digest(form(one)), len(forms)) for one in by_number)
        form_of = np.fromiter(found, np.int64, len(by_number))
        del forms
    counted = _Counted.of(text, label, form_of, len(names))
    part_of = np.full(int(form_of.max(initial=-1)) + 1, -1, np.int64)
    by_label = np.argsort(counted.of_text, kind="stable")
    for own in np.split(by_label, np.flatnonzero(np.diff(counted.of_text[by_label])) + 1) if len(by_label) else ():
        number = int(counted.of_text[own[0]])
        order = own[np.argsort(rank[own])]
        if len(own) > 1:
            order = order[np.random.default_rng([seed, int(counted.rank[number])]).permutation(len(own))]
        # texts are drawn, not forms: what has no twin stays where it was, however its twins are told apart
        own_forms = form_of[order]
        own_forms = own_forms[counted.of_form[own_forms] == number]
        drawn = own_forms[np.sort(np.unique(own_forms, return_index=True)[1])]
        part_of[drawn] = np.repeat(np.arange(3), _share_out(len(drawn), shares))
    _, first = np.unique(form_of, return_index=True)

    def as_read(number: int) -> str:
        one = by_number[first[number]]
        return one if form is None else form(one)

    _give_train_every_label(counted, part_of, as_read)
    return part_of[form_of[text]]


def _texts(examples: Examples) -> tuple[Int64, Sequence[str], Int64]:
    """A number of each example's text, the different texts by their numbers, and their ranks by code points."""
    if isinstance(examples.items, ExampleRows):
        text, first = examples.items.text_numbers()
        packed = examples.items.texts.at(first)
        return text, packed, packed.ranks()
    numbers: dict[str, int] = {}
    text = np.fromiter(
        (numbers.setdefault(item.text, len(numbers)) for item in examples.items), np.int64, len(examples)
    )
    by_number = list(numbers)
    rank = np.empty(len(by_number), np.int64)
    rank[sorted(range(len(by_number)), key=by_number.__getitem__)] = np.arange(len(by_number))
    return text, by_number, rank


def _labels(examples: Examples) -> tuple[list[str], Int64]:
    """The different labels, sorted, and which each example has."""
    names = examples.classes()
    number = {name: place for place, name in enumerate(names)}
    if isinstance(examples.items, ExampleRows):
        positions = np.array([number.get(name, -1) for name in examples.items.names], np.int64)
        return names, positions[examples.items.label_indices()]
    return names, np.fromiter((number[item.label] for item in examples.items), np.int64, len(examples))


def _digest(form: str) -> bytes:
    """What stands for a form where it is only asked which are the same: all of many take much memory."""
    return hashlib.blake2b(form.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True)
class HeldOut:
    """What is held out of a training part where the files bring no validation part. note: for people"""

    share: float

    @property
    def fractions(self) -> tuple[float, float, float]:
        """As `split` takes them."""
        return 1 - self.share, self.share, 0.0

    @property
    def note(self) -> str:
        return f"the validation part, {self.share:.0%}, was split off the training part"


def hold_out(fractions: Sequence[float]) -> HeldOut:
    """The one rule: validation's share of what training and validation have together, or HELD_OUT if it has none.

    fractions: of a whole, of which the test part is there already. Errors: UsageError for fractions that cannot be
    """
    train, validation, _ = check_fractions(fractions)
    return HeldOut(validation / (train + validation) or HELD_OUT)


def split_off(
    splits: Splits, fractions: Sequence[float], *, seed: int = 0, form: Form | None = None
) -> tuple[Splits, str]:
    """A validation part out of the training part, see `hold_out`, and what to say of it."""
    held = hold_out(fractions)
    again = split(splits.train, held.fractions, seed=seed, form=form)
    return Splits(again.train, again.validation, splits.test), held.note


def without_unseen(splits: Splits) -> tuple[Splits, list[str]]:
    """Validation and test without labels that training never has, and what to say of them."""
    trained, notes, parts = set(splits.train.classes()), [], {}
    for name, part in splits:
        labels = part.labels
        known = np.array([label in trained for label in labels], np.bool_)
        parts[name] = part.at(np.flatnonzero(known))
        if left := [labels[place] for place in np.flatnonzero(~known).tolist()]:
            what = listed(dict.fromkeys(left), 5)
            notes.append(f"left out of {name}: {many(len(left), 'example')} of labels that training never has, {what}")
    return Splits(**parts), notes


def check_splits(splits: Splits, *, form: Form | None = None, dropped: int = 0, fewest: int = 2) -> None:
    """Whether a classifier can be trained and evaluated on these parts.

    form: as `split` took it; dropped: repeats that are not in the parts any more; fewest: distinct forms of a class
    Errors: DataError if train is empty or has one class only, if a class has fewer than `fewest` distinct forms in all
    parts together (names its file and line), or if a label of validation or test is missing in train.
    """
    classes = splits.train.classes()
    if not classes:
        raise DataError("the training part has no examples", remedy="give more data or a larger share")
    forms: dict[str, set[str]] = defaultdict(set)
    for _, part in splits:
        for place, label in enumerate(part.labels):
            if len(there := forms[label]) < fewest:  # more of them say nothing
                text = part.texts[place] if isinstance(part.items, ExampleRows) else part.items[place].text
                there.add(text if form is None else form(text))
    without = f" ({many(dropped, 'repeated example')} dropped)" if dropped else ""
    if len(forms) == 1:
        raise DataError(
            f"only one class, {classes[0]!r}, in {many(len(splits.train), 'training example')}{without}",
            remedy="a classifier needs two classes or more",
            file=splits.train.items[0].file,
        )
    few = {label for label, there in forms.items() if len(there) < fewest}
    for _, part in splits if few else ():
        for item in part.items:
            if item.label in few:
                count = sum(of.labels.count(item.label) for _, of in splits)
                copies = f", {count} times as the network reads it" if count > 1 else ""
                raise DataError(
                    f"the class {item.label!r} has a single example, {shortened(item.text)}{copies}{without}",
                    remedy="add examples of it, or remove the class",
                    file=item.file,
                    line=item.line,
                )
    trained = set(classes)
    for name, part in splits:
        for item in part.items if not trained.issuperset(part.classes()) else ():
            if item.label not in trained:
                count = part.labels.count(item.label)
                raise DataError(
                    f"the label {item.label!r} stands {count} times in the {name} part, never in train",
                    remedy=f"there are {_some(classes)}; add training examples of it or remove it",
                    file=item.file,
                    line=item.line,
                )


FEW = 20
"""Different texts below which their number is why a part is empty."""


def why_empty(different: int, count: int, noun: str) -> str:
    """After "the part is empty": how few different ones there are, for equal ones stay in one part; "" if many are."""
    there = f": there {'is' if different == 1 else 'are'} {many(different, f'different {noun}')} in {count:,}"
    return there if different < FEW else ""


def many(count: int, noun: str) -> str:
    """1 example, 2 examples."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@dataclass(frozen=True)
class _Counted:
    """Which label each text and each form counts for.

    of_text, of_form: int64, a label each; rank: of a label among those that a text counts for; forms, labels: the
    different pairs of a form and a label of it
    """

    of_text: Int64
    of_form: Int64
    rank: Int64
    forms: Int64
    labels: Int64

    @classmethod
    def of(cls, text: Int64, label: Int64, form_of: Int64, count: int) -> _Counted:
        """text, label: of each example; form_of: of each text; count: of labels"""
        totals = np.bincount(label, minlength=count)
        pairs, often = np.unique(text * count + label, return_counts=True)
        texts, labels = pairs // count, pairs % count
        # its most frequent label, among equals the rarer one in the whole, then the first by name
        best = np.lexsort((labels, totals[labels], -often, texts))
        of_text = labels[best][np.unique(texts[best], return_index=True)[1]]
        both, share = np.unique(form_of[texts] * count + labels, return_inverse=True)
        forms, kinds = both // count, both % count
        weight = np.bincount(share, often, len(both)).astype(np.int64)
        owned = np.isin(both, form_of * count + of_text)  # of the labels that its texts count for
        order = np.lexsort((kinds, totals[kinds], -weight, ~owned, forms))
        of_form = kinds[order][np.unique(forms[order], return_index=True)[1]]
        rank = np.cumsum(np.bincount(of_text, minlength=count) > 0) - 1
        return cls(of_text, of_form, rank, forms, kinds)


def _share_out(count: int, shares: tuple[float, float, float]) -> list[int]:
    """How many of `count` texts train, validation and test get."""
    wanted = [part for part in (0, 2, 1) if shares[part]]  # train before test before validation
    if count <= len(wanted):
        return [int(part in wanted[:count]) for part in range(3)]
    exact = [count * share for share in shares]
    counts = [math.floor(value + 1e-9) for value in exact]
    by_remainder = sorted(wanted, key=lambda part: -round(exact[part] - counts[part], 9))
    for part in by_remainder[: count - sum(counts)]:
        counts[part] += 1
    for part in wanted:
        if not counts[part]:
            counts[counts.index(max(counts))] -= 1
            counts[part] = 1
    return counts


def _give_train_every_label(counted: _Counted, part_of: Int64, as_read: Callable[[int], str]) -> None:
    """Move one form of each label that train lacks, as one may whose forms all count for other labels."""
    trained = set(counted.labels[part_of[counted.forms] == 0].tolist())
    lacking = np.unique(counted.forms[~np.isin(counted.labels, list(trained))])
    there: dict[int, set[int]] = defaultdict(set)
    some = np.isin(counted.forms, lacking)
    for form, label in zip(counted.forms[some].tolist(), counted.labels[some].tolist(), strict=True):
        there[form].add(label)
    for form in sorted(there, key=as_read):
        if not trained.issuperset(there[form]):
            part_of[form] = 0
            trained |= there[form]


def _some(names: Sequence[str], limit: int = 8) -> str:
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
