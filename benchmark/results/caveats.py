"""What a leaderboard must say of rows that were not trained or asked as the others were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from benchmark.protocol.budgets import budget_of
from benchmark.protocol.tasks import TASKS
from benchmark.results.result import Result


def caveats_of(results: Sequence[Result]) -> list[str]:
    """Sentences on what differs between the rows of one leaderboard; empty where nothing does.

    Of what a result does not say, nothing is said.
    """
    runs = [run for row in results for run in row.single_seeds]
    notes = (
        _outside(runs),
        _precision(runs),
        _rates(runs),
        _codes(results),
        *_data(runs),
        *_pools(runs),
        *_references(runs),
        *_threads(runs),
    )
    return [note for note in notes if note]


def unlike(one: Result, other: Result) -> list[str]:
    """What else differed between the trainings of two rows: `learning rate`, `precision`.

    Where a result does not say it, its training was as its budget is. Empty where a row has no
    training.
    """
    if one.training is None or other.training is None:
        return []
    return [
        way.replace("_", " ")
        for way in ("learning_rate", "precision")
        if {getattr(run, way) for run in one.single_seeds}
        != {getattr(run, way) for run in other.single_seeds}
    ]


def aside(names: Sequence[str]) -> str:
    """Of what `unlike` names, words to put behind a name or number; empty for nothing."""
    return f" (other {' and '.join(names)})" if names else ""


def _outside(runs: Sequence[Result]) -> str:
    """Whose training nobody here knows: outputs, modules and weights from outside."""
    outside = sorted({run.title for run in runs if _is_outside(run)})
    if not outside:
        return ""
    return f"From outside, so not trained by this budget as far as is known: {', '.join(outside)}."


def _is_outside(run: Result) -> bool:
    """Whether somebody may have trained it, and it is none of ours, adapted ones among them."""
    return run.training is None and run.adaptation is None and run.parameters != 0


def _precision(runs: Sequence[Result]) -> str:
    kinds = {_training(run)["precision"] for run in runs if "precision" in _training(run)}
    plain = [run for run in runs if _training(run).get("precision") == "fp32"]
    if not plain:
        return ""
    if kinds == {"fp32"}:
        return "All were trained in float32."
    return f"Trained in float32, others in bf16: {_names(plain)}."


def _rates(runs: Sequence[Result]) -> str:
    other: set[str] = set()
    for run in runs:
        budget = budget_of(run.budget)
        if budget is not None and run.learning_rate != budget.learning_rate:
            other.add(f"{_name(run)} ({run.learning_rate:g})")
    if not other:
        return ""
    return f"Trained at another learning rate than the budget's: {'; '.join(sorted(other))}."


def _codes(results: Sequence[Result]) -> str:
    """Rows whose seeds were trained with different source code of their method."""
    mixed = {
        row.title
        for row in results
        if len({_training(run).get("method_sha256") for run in row.single_seeds} - {None}) > 1
    }
    if not mixed:
        return ""
    return f"Seeds trained with different source code of the method: {', '.join(sorted(mixed))}."


def _data(runs: Sequence[Result]) -> Iterator[str]:
    other = [
        run
        for run in runs
        if _training(run).get("data_revision", run.data_revision) != run.data_revision
    ]
    packed = [run for run in other if _training(run).get("archived_from") == run.data_revision]
    strange = [run for run in other if run not in packed and not _is_transfer(run)]
    if packed:
        yield f"Trained on an archive of this Face_Ref with lossy images: {_names(packed)}."
    if strange:
        yield (
            "Trained on other data than this Face_Ref, which may hold faces of its test split: "
            f"{_names(strange)}."
        )


def _pools(runs: Sequence[Result]) -> Iterator[str]:
    """Rows that were adapted to the faces of another set."""
    other = [run for run in runs if run.adaptation and run.adaptation["pool"] != run.data_revision]
    if other:
        yield (
            "Adapted to faces of another set than this Face_Ref, which may hold faces of its test "
            f"split: {_names(other)}."
        )


def _is_transfer(run: Result) -> bool:
    """Whether its task asks for training on other faces."""
    return run.task in TASKS and bool(TASKS[run.task].trained_on)


def _references(runs: Sequence[Result]) -> list[str]:
    """Where rows with the same count of one list were given different references."""
    found: dict[tuple[str | None, int], dict[str, list[Result]]] = {}
    for run in runs:
        if run.references_sha256 is not None:
            same = found.setdefault((run.reference_list, run.references), {})
            same.setdefault(run.references_sha256, []).append(run)
    return [
        f"References of {kind}, K = {count}, were not the same for all rows: "
        + " | ".join(f"{_names(rows)} (`{digest[:8]}`)" for digest, rows in given.items())
        + "."
        for (kind, count), given in found.items()
        if len(given) > 1
    ]


def _threads(runs: Sequence[Result]) -> Iterator[str]:
    """Whose minutes, and whose milliseconds, are of another number of CPU threads than most."""
    trained = {id(run): _training(run).get("hardware", {}).get("threads") for run in runs}
    scored = {id(run): run.hardware.get("threads") for run in runs}
    for verb, time, threads in (
        ("Trained", "minutes", trained),
        ("Scored", "milliseconds", scored),
    ):
        counts = Counter(count for count in threads.values() if count is not None)
        if len(counts) > 1:
            usual = max(counts, key=lambda count: (counts[count], count))
            other = [run for run in runs if threads[id(run)] not in (None, usual)]
            yield (
                f"{verb} with a different number of CPU threads than most rows ({usual}), "
                f"so their {time} cannot be compared: {_names(other)}."
            )


def _training(run: Result) -> dict:
    return run.training or {}


def _names(runs: Iterable[Result]) -> str:
    return "; ".join(sorted({_name(run) for run in runs}))


def _name(run: Result) -> str:
    return f"{run.title}, seed {run.seed}"
