"""Mutated documents: bytes and structures of headers, indexes and JSON files, by a fixed seed."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastinit
from fastinit import Manifest, Parameter, Plan, Recipe, Rule
from fastinit.recipes import Axis, Regex, Scale, Setting
from helpers.small_checkpoint import RULES

TINY = Manifest(
    "tiny",
    (
        Parameter("h.0.weight", (5, 7), module="Linear", dtype="bfloat16"),
        Parameter("h.1.weight", (4, 4)),
        Parameter("bias", (3,), zero_row=0),
    ),
    {"tied.weight": "h.0.weight"},
    (Parameter("step", (), dtype="int64", value=1), Parameter("m", (2,), value=(0.0, 1.0))),
    architecture="tiny",
    config={"model_type": "tiny", "std": 0.5, "deep": {"x": [1, 2.5, None]}},
)
RECIPE = Recipe(
    "tiny rules",
    "test",
    (
        Rule(
            Regex(r"(.*[.])?h[.](?P<layer>[0-9]+)[.]weight"),
            fastinit.TruncatedNormal(std=0.02),
            module="*",
            settings={"std": "std"},
            scale=(Scale("layers", 2, -0.5), Scale(Axis(0)), Scale(Setting("std", 1.0))),
        ),
        Rule("**.h.{layer}.weight", fastinit.Orthogonal(), ndim=2),
        Rule("*", fastinit.HeNormal(), fan_of="h.0.weight"),
        *RULES,
    ),
    serves=("tiny",),
)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 2**31, 2**63 - 1, 2**63, 2**64, 10**40, 0.5, -0.0, 1e308,
    5e-324, float("inf"), float("nan"), "", "a", "1", "..", "/dev/zero", "\0", "\ud800", "x" * 5000,
    "(a+)+$", "*" * 50, "{layer}", "float32", "F32", "int8", "Normal", [], {}, [0], [[]], {"a": 1},
    {"re": "(a|a)*b"}, {"re": "(?=x)"}, {"re": "("}, {"re": 5}, [2**62] * 40, [1] * 70,
    {"type": "Sparse"}, {"type": "Values", "values": [1]}, {"__float__": "Infinity"},
    {"__float__": "x"}, ["h.0.weight"], "h.0.weight", "h.1.weight", "model.safetensors",
)  # fmt: skip


def mutate_bytes(content: bytes, chance: random.Random) -> bytes:
    """Change a few bytes."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at, size = chance.randrange(len(changed) + 1), chance.choice((1, 1, 2, 8, 100))
        piece = changed[at : at + size]
        action = chance.randrange(5)
        if action == 0 and piece:
            changed[at] ^= 1 << chance.randrange(8)
        elif action == 1:
            del changed[at : at + size]
        elif action == 2:
            changed[at:at] = bytes(chance.choices(range(256), k=size))
        elif action == 3:
            changed[at:at] = piece
        else:
            changed[at:at] = chance.choice((b'"', b"[", b"}", b",", b"9" * 50, b"NaN", b"\\u0000"))
    return bytes(changed)


def mutate_data(data: Any, chance: random.Random) -> Any:
    """Return data with a changed, missing or added part."""
    places = list(_places(data))
    if not places:
        return chance.choice(VALUES)
    holder, key = chance.choice(places)
    action = chance.randrange(6)
    if action == 0:
        del holder[key]
    elif action == 1 and isinstance(holder, dict):
        holder[chance.choice(("", "a", "__metadata__", "name", "\ud800"))] = holder.pop(key)
    elif action == 2 and isinstance(holder, list):
        holder.insert(chance.randrange(len(holder) + 1), holder[key])
    elif action == 3:
        other, name = chance.choice(places)
        holder[key] = json.loads(json.dumps(other[name])) if name in _keys(other) else None
    else:
        holder[key] = chance.choice(VALUES)
    return data


def _keys(holder: Any) -> Any:
    return holder if isinstance(holder, dict) else range(len(holder))


def _places(data: Any) -> Any:
    for key in list(_keys(data)) if isinstance(data, (dict, list)) else ():
        yield data, key
        yield from _places(data[key])


def text_of(data: Any, chance: random.Random) -> bytes:
    """Return data as JSON, some of it with bytes changed."""
    content = json.dumps(data).encode()
    return mutate_bytes(content, chance) if chance.random() < 0.25 else content


class Documents:
    """Documents in a folder, and what reads them."""

    def __init__(self, folder: Path) -> None:
        self._plan = Plan(TINY, RECIPE, seed=3)
        self.folder = folder / "m"
        self._plan.save(self.folder, max_shard_size=64)
        self._file = folder / "one.safetensors"
        self._plan.save(self._file, only="*")
        self._whole = self._file.read_bytes()
        length = int.from_bytes(self._whole[:8], "little")
        self._header = json.loads(self._whole[8 : 8 + length])
        self._data = self._whole[8 + length :]
        self._index = (self.folder / "model.safetensors.index.json").read_bytes()
        self._other = folder / "other.safetensors"
        self._other.write_bytes(self._whole)
        self._json = folder / "document.json"
        self.kinds: tuple[Callable[[random.Random], None], ...] = (
            self.bytes_of_a_file,
            self.header,
            self.plan_in_a_header,
            self.index,
            self.manifest,
            self.recipe,
            self.plan,
            self.config,
        )

    def bytes_of_a_file(self, chance: random.Random) -> None:
        """Change bytes anywhere in a file, mostly in its header."""
        end = len(self._whole) if chance.random() < 0.2 else 4000
        self._file.write_bytes(mutate_bytes(self._whole[:end], chance) + self._whole[end:])
        self._read(chance)

    def header(self, chance: random.Random) -> None:
        """Change the structure of a header."""
        data = json.loads(json.dumps(self._header))
        entries = {k: v for k, v in data.items() if k != "__metadata__"}
        changed = mutate_data(data if chance.random() < 0.5 else entries, chance)
        self._write(changed, chance)

    def plan_in_a_header(self, chance: random.Random) -> None:
        """Change the structure of one of the texts in the metadata."""
        data = json.loads(json.dumps(self._header))
        key = chance.choice(("fastinit.plan",) * 5 + ("fastinit.digests", "fastinit.only"))
        changed = mutate_data(json.loads(data["__metadata__"][key]), chance)
        data["__metadata__"][key] = text_of(changed, chance).decode("utf-8", "replace")
        self._write(data, chance)

    def index(self, chance: random.Random) -> None:
        """Change an index."""
        path = self.folder / "model.safetensors.index.json"
        path.write_bytes(text_of(mutate_data(json.loads(self._index), chance), chance))
        reader = chance.choice((fastinit.verify, fastinit.load_plan, Manifest.load))
        reader(chance.choice((path, self.folder)))

    def manifest(self, chance: random.Random) -> None:
        """Change a manifest, and resolve it."""
        self._json.write_bytes(text_of(mutate_data(TINY.to_dict(), chance), chance))
        Plan(Manifest.load(self._json), RECIPE, seed=0).explain()

    def recipe(self, chance: random.Random) -> None:
        """Change a recipe, and match it."""
        data = json.loads(json.dumps(RECIPE.to_dict()))
        self._json.write_bytes(text_of(mutate_data(data, chance), chance))
        found = fastinit.recipe(self._json)
        Plan.from_dict({**self._plan.to_dict(), "recipe": found.to_dict()})

    def plan(self, chance: random.Random) -> None:
        """Change a plan, and draw it."""
        data = mutate_data(json.loads(json.dumps(self._plan.to_dict())), chance)
        plan = Plan.from_dict(data)
        if sum(each.size for each in plan.tensors) < 1 << 20:
            plan.init()

    def config(self, chance: random.Random) -> None:
        """Change a config.json beside a file."""
        (self.folder / "model.safetensors.index.json").write_bytes(self._index)
        config = json.loads(json.dumps(TINY.config))
        (self.folder / "config.json").write_bytes(text_of(mutate_data(config, chance), chance))
        Plan(Manifest.load(self.folder), RECIPE, seed=0).explain()

    def _write(self, header: Any, chance: random.Random) -> None:
        text = text_of(header, chance)
        self._file.write_bytes(len(text).to_bytes(8, "little") + text + self._data)
        self._read(chance)

    def _read(self, chance: random.Random) -> None:
        def compare(path: Path) -> object:
            return fastinit.diff(path, self._other)

        chance.choice((fastinit.verify, fastinit.load_plan, Manifest.load, compare))(self._file)
