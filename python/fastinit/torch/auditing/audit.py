"""``audit``: what is wrong with the initialization of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from fastinit.checks import wrong_type
from fastinit.plans.plan import Plan
from fastinit.torch.auditing.auditor import Auditor
from fastinit.torch.auditing.evidence import Evidence, build, evidence_of
from fastinit.torch.auditing.loading import findings_of_load, loaded
from fastinit.torch.auditing.moments import expected_moments, found_moments
from fastinit.torch.auditing.report import AuditReport, AuditRow, Finding
from fastinit.torch.auditing.variations import as_rank, differing, generators, marked_memory
from fastinit.torch.auditing.verdicts import findings_of, last_origin
from fastinit.torch.recording.builders import builder

_NUMBERS_BEFORE = 1000  # draws without names that seem to have been made before


def audit(
    build: Any,
    load: Callable[[torch.nn.Module], Any] | None = None,
    *,
    expected: Plan | None = None,
    seed: int = 0,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> AuditReport:
    """Return a report on the initialization of a model, from running the code that builds it.

    The code runs two to five times, and once more with ``load``, as in ``record``: weights of
    any size get no memory, and the meta device will do. The report says of every parameter and
    buffer how often it is written and by whom. It has findings where a tensor is never written,
    is read before it is written, depends on the rank or on what was built before, and more;
    docs/audit.md lists all verdicts.

    Args:
        build: What ``record`` takes: a function that returns a module, a model class, a
            configuration of transformers or the path of a ``config.json``.
        load: A function that loads weights into the module that it is given, or returns a module
            with weights. What it has loaded must still be there when it returns.
        expected: A plan whose means and standard deviations the tensors should have, such as that
            of a recipe. Tensors that it does not have are not compared.
        seed: An integer in [0, 2**64).
        args: The arguments of ``build``.
        kwargs: The keyword arguments of ``build``.

    Returns:
        The report. ``assert_clean`` raises an error if there are findings.

    Raises:
        RuntimeError: The code reads a large tensor; the message names it and the line.
        TypeError: ``build`` does not return a module, or ``expected`` is not a plan.

    Example:
        >>> import fastinit.torch, torch
        >>> class Gate(torch.nn.Linear):
        ...     def __init__(self):
        ...         super().__init__(4, 4)
        ...         self.scale = torch.nn.Parameter(torch.empty(4))
        >>> report = fastinit.torch.audit(Gate)
        >>> [(each.name, each.verdict) for each in report.findings]
        [('scale', 'never written')]
    """
    if not isinstance(expected, (Plan, type(None))):
        raise wrong_type(expected, "expected", "a Plan, or None")
    make = builder(build, args, kwargs or {})
    with marked_memory():
        module, evidence = _built(make, seed)
        found = [*findings_of(evidence, expected), *_circumstances(make, seed, evidence)]
        if load is not None:
            with generators(0):
                after = loaded(make, load, seed)
            known = {(each.name, each.verdict) for each in found}
            found += [
                each for each in findings_of_load(after) if (each.name, each.verdict) not in known
            ]
    order = {name: number for number, name in enumerate(evidence)}
    found.sort(key=lambda each: order.get(each.name, len(order)))
    return AuditReport(
        type(module).__qualname__,
        tuple(_row(each, found) for each in evidence.values()),
        tuple(each for each in found if each.is_failure),
        tuple(each for each in found if not each.is_failure),
    )


def _built(
    make: Callable[[], Any], seed: int, *, generators_seed: int = 0, numbers_before: int = 0
) -> tuple[torch.nn.Module, dict[str, Evidence]]:
    auditor = Auditor(seed, numbers_before)
    with generators(generators_seed):
        module = build(make, auditor)
    return module, evidence_of(module, auditor)


def _circumstances(
    make: Callable[[], Any], seed: int, evidence: dict[str, Evidence]
) -> Iterator[Finding]:
    """Yield what depends on the rank, or on what the process has done before.

    One build in which everything is different tells whether there is anything to look for.
    """
    other = {"generators_seed": 1, "numbers_before": _NUMBERS_BEFORE}
    try:
        with as_rank(1):
            second = _built(make, seed, **other)[1]
    except Exception as error:
        detail = f"as rank 1 of 2, building it fails: {type(error).__name__}: {error}"
        yield Finding("", "not built", detail, None, False)
        second = _built(make, seed, **other)[1]
        has_ranks = False
    else:
        has_ranks = True
    numbered = {name for name, each in evidence.items() if each.is_numbered}
    suspects = differing(evidence, second)
    if suspects:
        again = differing(evidence, _built(make, seed)[1])
        yield from _named(again, evidence, "depends on construction order", _AGAIN, True)
        suspects -= again
    if suspects and has_ranks:
        ranks = []
        for rank in range(2):
            with as_rank(rank):
                ranks.append(_built(make, seed)[1])
        by_rank = differing(*ranks) - again
        yield from _named(by_rank, evidence, "depends on rank", _RANK, True)
        suspects = suspects - by_rank
    drawn = (suspects | numbered) & evidence.keys()
    yield from _named(drawn, evidence, "depends on construction order", _DRAWS, False)


_AGAIN = "the same code initializes it in another way when it runs for the second time"
_RANK = "ranks 0 and 1 of 2 do not initialize it in the same way"
_DRAWS = "its random numbers have no name, so those that are drawn before it change them"


def _named(
    names: set[str], evidence: dict[str, Evidence], verdict: Any, detail: str, is_failure: bool
) -> Iterator[Finding]:
    for name, each in evidence.items():
        if name in names:
            yield Finding(name, verdict, detail, last_origin(each), is_failure)


def _row(evidence: Evidence, found: list[Finding]) -> AuditRow:
    shape = tuple(evidence.tensor.shape)
    initializer = None if evidence.unwritten else evidence.initializer
    return AuditRow(
        name=evidence.name,
        kind=evidence.kind,
        shape=shape,
        dtype=str(evidence.tensor.dtype).removeprefix("torch."),
        writes=len(evidence.writes),
        writers=tuple(dict.fromkeys(each.origin for each in evidence.writes)),
        initializer=None if initializer is None else str(initializer),
        expected=None if initializer is None else expected_moments(initializer, shape),
        found=None if evidence.values is None else found_moments(evidence.values),
        verdicts=tuple(each.verdict for each in found if each.name == evidence.name),
    )
