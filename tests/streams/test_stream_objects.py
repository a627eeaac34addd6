"""Stream objects: they count on, they name, and they work wherever a seed is taken."""

import copy
import itertools
import pickle
import threading
from typing import Any

import numpy as np
import pytest

import fastinit
import fastinit.torch
from fastinit import Stream
from fastinit.streams import NamedStream, resolve, stream_of
from helpers.bits import check_bits
from helpers.processes import child
from helpers.records.initializers import RECORDS
from helpers.records.record import Record
from helpers.settings import process_seed

torch = pytest.importorskip("torch")

FIRST = 1 << 62


def test_draws_without_a_name_count_on() -> None:
    """They have the numbers of automatic streams, as after ``fastinit.seed``."""
    stream = Stream(7)
    drawn = [fastinit.normal(5, seed=stream) for _ in range(3)]
    for k, values in enumerate(drawn):
        check_bits(values, fastinit.normal(5, seed=7, name=FIRST + k))
    with process_seed(7):
        for values in drawn:
            check_bits(values, fastinit.normal(5))


@pytest.mark.parametrize("name", ["encoder.weight", "", 0, 5, np.int8(5), 2**63 - 1])
def test_names(name: Any) -> None:
    """A name is that of ``seed=`` and ``name=``, given to the Stream or beside it."""
    stream = Stream(3)
    expected = fastinit.normal(5, seed=3, name=name)
    check_bits(fastinit.normal(5, seed=stream(name)), expected)
    check_bits(fastinit.normal(5, seed=stream, name=name), expected)
    check_bits(fastinit.normal(5, seed=stream(name)), expected)
    assert resolve(stream, None) == (3, FIRST)  # none of these was counted


def test_children() -> None:
    """Their path and dots go before names, and before numbers two dots."""
    stream = Stream(3)
    layer = stream.child("layers").child(3)
    assert (layer.seed, layer.path) == (3, "layers.3")
    assert layer("weight") == stream("layers.3.weight") == stream.child("layers.3")("weight")
    assert layer(8) == stream("layers.3..8")
    assert resolve(layer, "weight") == (3, stream_of("layers.3.weight"))
    assert resolve(layer, 8) == (3, stream_of("layers.3..8"))
    assert resolve(layer, None) == (3, stream_of(f"layers.3..{FIRST}"))


def test_children_share_counts() -> None:
    """Those of the same path count together, those of other paths each for itself."""
    stream = Stream(3)
    drawn = [resolve(stream.child("a"), None) for _ in range(2)]
    drawn += [resolve(stream.child("b"), None), resolve(stream, None)]
    drawn += [resolve(stream.child("a.b"), None), resolve(stream.child("a").child("b"), None)]
    names: list[str | int] = [f"a..{FIRST}", f"a..{FIRST + 1}", f"b..{FIRST}", FIRST]
    names += [f"a.b..{FIRST}", f"a.b..{FIRST + 1}"]
    assert drawn == [(3, stream_of(name)) for name in names]


def test_a_failed_call_takes_no_number() -> None:
    stream = Stream(3)
    for wrong in ({"out": np.zeros(5, np.float32)}, {"dtype": "int8"}):
        with pytest.raises(ValueError, match=r"shape|dtype"):
            fastinit.normal(4, seed=stream, **wrong)
    assert resolve(stream, None) == (3, FIRST)


@pytest.mark.parametrize("record", RECORDS.values(), ids=lambda record: record.name)
def test_every_initializer(record: Record) -> None:
    shape, options = record.fits[0]
    stream = Stream(11)
    first = record.draw(shape, seed=stream, **options)
    check_bits(first, record.draw(shape, seed=11, name=FIRST, **options))
    child = record.draw(shape, seed=stream.child("a")("w"), **options)
    check_bits(child, record.draw(shape, seed=11, name="a.w", **options))


def test_objects_parts_and_factors() -> None:
    """One call is one stream, also where it draws two arrays or a part."""
    stream = Stream(11)
    part = fastinit.HeNormal()((6, 4), seed=stream, index=np.s_[2:4])
    check_bits(part, fastinit.he_normal((6, 4), seed=11, name=FIRST)[2:4])
    for which, named in ((stream, {"name": FIRST + 1}), (stream("f"), {"name": "f"})):
        found = fastinit.factorized((6, 4), 2, seed=which)
        for ours, theirs in zip(
            found, fastinit.factorized((6, 4), 2, seed=11, **named), strict=True
        ):
            check_bits(ours, theirs)
    a, _ = fastinit.lora((6, 4), 2, seed=stream)
    check_bits(a, fastinit.lora((6, 4), 2, seed=11, name=FIRST + 2)[0])
    sparse = fastinit.sparse((6, 4), 0.5, seed=stream, format="csr")
    check_bits(sparse.toarray(), fastinit.sparse((6, 4), 0.5, seed=11, name=FIRST + 3))


SHAPES = {"0.weight": (4, 3), "0.bias": (4,)}


def test_plans() -> None:
    """They name their tensors; a path goes before the names."""
    manifest = fastinit.Manifest.from_shapes(SHAPES)
    stream = Stream(5)
    plan = fastinit.Plan(manifest, "torch", seed=stream)
    assert (plan.seed, plan.to_dict()["seed"]) == (5, 5)
    check_bits(plan.init()["0.weight"], fastinit.Plan(manifest, "torch", seed=5).init()["0.weight"])
    below = fastinit.Plan(
        manifest,
        fastinit.Recipe("r", "a test", (fastinit.Rule("**", fastinit.Normal()),)),
        seed=stream.child("actor"),
    )
    check_bits(below.init()["0.bias"], fastinit.normal(4, seed=5, name="actor.0.bias"))
    check_bits(below.draw("0.weight"), fastinit.normal((4, 3), seed=5, name="actor.0.weight"))
    with pytest.raises(ValueError, match=r"seed=Stream\(5\).child\('actor'\) has a path"):
        below.to_dict()
    with pytest.raises(ValueError, match=r"seed=Stream\(5\)\('w'\) is one stream, and several"):
        fastinit.Plan(manifest, "torch", seed=stream("w"))
    assert resolve(stream, None) == (5, FIRST)


def test_a_plan_with_a_path_is_not_saved(tmp_path: Any) -> None:
    manifest = fastinit.Manifest.from_shapes(SHAPES)
    plan = fastinit.Plan(manifest, "torch", seed=Stream(5).child("actor"))
    with pytest.raises(ValueError, match="pass the Stream itself to plans that are saved"):
        plan.save(tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def model() -> Any:
    return torch.nn.Sequential(torch.nn.Linear(3, 4))


def weight(module: Any) -> Any:
    return module[0].weight.detach().numpy()


def test_modules() -> None:
    """The adapters to PyTorch name tensors as plans do."""
    stream = Stream(5)
    actor = fastinit.torch.init_(model(), "default", seed=stream.child("actor"))
    expected = fastinit.normal((4, 3), std=0.02, seed=5, name="actor.0.weight")
    check_bits(weight(actor), expected)
    with torch.device("meta"):
        empty = model()
    fastinit.torch.materialize_(empty, "default", seed=stream.child("actor"))
    check_bits(weight(empty), expected)
    whole: Any = fastinit.torch.init_(model(), "default", seed=stream)
    check_bits(weight(whole), fastinit.normal((4, 3), std=0.02, seed=5, name="0.weight"))
    batch = torch.randn(16, 3)
    fastinit.torch.lsuv_(whole, batch, seed=stream.child("actor"))
    other = model()
    fastinit.torch.lsuv_(other, batch, seed=stream.child("actor"))
    assert torch.equal(whole[0].weight, other[0].weight)


def test_accelerate() -> None:
    """Names go below the path, after ``torch.manual_seed`` too, and so do numbers."""
    stream = Stream(5)
    bound = 3**-0.5
    for which, path in ((stream, ""), (stream.child("critic"), "critic.")):
        with fastinit.torch.accelerate(seed=which):
            made = model()
            tensor = torch.randn(4)
            torch.manual_seed(6)
            again = model()
        expected: dict[str, Any] = {"low": -bound, "high": bound, "name": f"{path}0.weight"}
        check_bits(weight(made), fastinit.uniform((4, 3), seed=5, **expected))
        check_bits(weight(again), fastinit.uniform((4, 3), seed=6, **expected))
        number = 3 if not path else "critic..3"
        check_bits(tensor.numpy(), fastinit.normal(4, seed=5, name=number))


@pytest.mark.parametrize("path", ["", "actor"])
def test_recorded_plans(path: str, tmp_path: Any) -> None:
    """They draw what a context draws, and hold the streams of a path as numbers."""
    which = Stream(5).child(path) if path else Stream(5)
    plan = fastinit.Plan.record(model, seed=which)
    with fastinit.torch.accelerate(seed=which):
        built = model()
    check_bits(plan.init()["0.weight"], weight(built))
    plan.save(tmp_path)
    assert fastinit.verify(tmp_path).ok


def test_functions_of_torch() -> None:
    stream = Stream(5)
    tensors = [torch.empty(4, 3) for _ in range(3)]
    for tensor in tensors[:2]:
        fastinit.torch.normal_(tensor, seed=stream)
    fastinit.torch.fill_shard_(tensors[2], (8, 3), (4, 0), fastinit.Normal(), seed=stream)
    for k in range(2):
        check_bits(tensors[k].numpy(), fastinit.normal((4, 3), seed=5, name=FIRST + k))
    check_bits(tensors[2].numpy(), fastinit.normal((8, 3), seed=5, name=FIRST + 2)[4:])
    fastinit.torch.xavier_uniform_(tensors[0], seed=stream("w"))
    check_bits(tensors[0].numpy(), fastinit.xavier_uniform((4, 3), seed=5, name="w"))


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_copies(copied: Any) -> None:
    """They count on from the same place, each for itself; only names are equal."""
    stream = Stream(5)
    child = stream.child("a")
    for which in (stream, child):
        resolve(which, None)
        twin = copied(which)
        assert (twin.seed, twin.path, repr(twin)) == (which.seed, which.path, repr(which))
        assert twin != which
        assert [resolve(twin, None) for _ in range(3)] == [resolve(which, None) for _ in range(3)]
    assert copied(stream("w")) == stream("w")
    assert hash(stream("w")) == hash(Stream(5)("w"))
    assert stream("w") != Stream(6)("w")


def test_pickled_together() -> None:
    """A Stream and its children still share their counts."""
    stream = Stream(5)
    twin, child = pickle.loads(pickle.dumps((stream, stream.child("a"))))
    resolve(child, None)
    assert resolve(twin.child("a"), None) == (5, stream_of(f"a..{FIRST + 1}"))


def take(stream: Any, count: int) -> list[tuple[int, int]]:
    return [resolve(stream, None) for _ in range(count)]


def test_threads() -> None:
    """Eight threads at once take every number once."""
    taken: list[list[tuple[int, int]]] = [[] for _ in range(8)]
    stream = Stream(1)
    start = threading.Barrier(8)

    def work(mine: list[tuple[int, int]]) -> None:
        start.wait()
        mine.extend(take(stream, 500))

    workers = [threading.Thread(target=work, args=(mine,)) for mine in taken]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(itertools.chain(*taken)) == [(1, FIRST + k) for k in range(4000)]


FORK = """
import os
import fastinit
from fastinit.streams import resolve
stream = fastinit.Stream(1)
take = lambda: [resolve(stream, None)[1] - 2**62 for _ in range(2)]
take()
if process := os.fork():
    os.waitpid(process, 0)
print(take(), flush=True)
"""


def test_forks() -> None:
    """A forked process counts on from the same place, and so does its parent."""
    assert child(FORK).splitlines() == ["[2, 3]", "[2, 3]"]


def test_representations() -> None:
    """They are Python that makes the same."""
    stream = Stream(5)
    for each in (stream, stream.child("a.b"), stream("w"), stream.child("a")(3)):
        again = eval(repr(each), {"Stream": Stream})
        assert repr(again) == repr(each)
    assert eval(repr(stream.child("a")(3)), {"Stream": Stream}) == stream.child("a")(3)


@pytest.mark.parametrize("wrong", [-1, 1 << 64, 1.0, True, "7", None])
def test_wrong_seeds(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"seed=.*\[0, 2\*\*64\)"):
        Stream(wrong)


@pytest.mark.parametrize("wrong", [-1, 1 << 63, 1.0, True, None, b"w", "\ud800"])
def test_wrong_names(wrong: Any) -> None:
    for stream in (Stream(0), Stream(0).child("a")):
        for call in (stream, stream.child):
            with pytest.raises((TypeError, ValueError), match="name="):
                call(wrong)


def test_wrong_use() -> None:
    with pytest.raises(ValueError, match="name='' is empty; pass the name of a part"):
        Stream(0).child("")
    with pytest.raises(ValueError, match=r"seed=Stream\(0\)\('w'\) has a name, so name='v' is one"):
        fastinit.normal(3, seed=Stream(0)("w"), name="v")
    with pytest.raises(TypeError, match=r"name=1\.5 is a float; pass a string or an integer"):
        NamedStream(0, 1.5)  # type: ignore[arg-type]
