"""Plans: what will be drawn for every tensor of a model, resolved before anything is."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastinit import checks, json_files, streams
from fastinit.checkpoints import values
from fastinit.checkpoints.values import write_json
from fastinit.checkpoints.verify import Verification, compare
from fastinit.checkpoints.write import Saved, save
from fastinit.manifests import Manifest
from fastinit.manifests.given import model_of
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.box import Index
from fastinit.native.dtypes import dtype_of
from fastinit.plans.difference import Difference, difference
from fastinit.plans.explanation import Explanation, explain, summary
from fastinit.plans.tensor_plans import TensorPlans
from fastinit.recipes import buffers
from fastinit.recipes.given import RecipeLike, recipe_from
from fastinit.recipes.recipe import Recipe
from fastinit.streams import Seed
from fastinit.tensors.drawing import draw_into, draw_new, draw_part
from fastinit.tensors.tensor_plan import mask_of, tensor_plan

FORMAT = 1  # of to_dict; raised when a field changes its meaning or goes away


class Plan(TensorPlans):
    """The draws of every tensor of a model: a manifest, a recipe and a seed, resolved.

    The stream of a tensor is its name, so each equals what the function of its initializer draws
    with ``seed=`` and ``name=``, whatever else the model holds.

    A plan is a mapping from the names of the tensors that are drawn to their ``TensorPlan``; tied
    names are found too, and iteration leaves them out.

    Args:
        model: a manifest; what ``Manifest.load`` takes, the name of a built-in model or a path; or
            what a manifest can be made of: a torch module, a mapping from names to shapes, or a
            tree of arrays or shapes.
        recipe: a recipe, the name of a built-in one or the path of its JSON file; a list of rules
            or of (pattern, initializer), or a mapping of patterns to initializers, of which the
            first that matches applies; one initializer, or its name, for all tensors that
            "default" does not make constants (norms and biases). None for the model's own, or
            "default" where the manifest has no architecture.
        seed: an integer in [0, 2**64), or a ``Stream``, whose path goes before the names;
            None for the process-wide seed.
        dtype: of all floating-point tensors; None for the recipe's, else the manifest's, else
            float32.

    Attributes:
        manifest: the manifest.
        recipe: the recipe.
        seed: the seed.
        stream: the ``Stream`` of the seed, whose path goes before the names.
        dtype: what was asked for, or None.
        tensors: a ``TensorPlan`` for every tensor that is drawn, in the manifest's order.
        left_alone: the tensors whose dtype is not drawn (float8_e8m0fnu, ...), and complex ones
            that no rule matches, such as complex buffers.

    Raises:
        FileNotFoundError: ``model`` or ``recipe`` is neither built in nor a file.
        OSError: one of their files cannot be read.
        TypeError: an argument of the wrong type.
        ValueError: a file's content is wrong, no recipe serves the architecture, no rule matches a
            name, or a rule's initializer does not fit a tensor's shape or dtype.

    Example:
        >>> import fastinit
        >>> model = fastinit.Manifest.from_shapes({"wte.weight": (100, 8)})
        >>> array = fastinit.Plan(model, "gpt2", seed=0).init()["wte.weight"]
        >>> bool((array == fastinit.normal((100, 8), std=0.02, seed=0, name="wte.weight")).all())
        True
    """

    @in_default_arithmetic
    def __init__(
        self,
        model: Any,
        recipe: RecipeLike | None = None,
        *,
        seed: Seed | None = None,
        dtype: Any = None,
    ) -> None:
        """Resolve everything; nothing is drawn."""
        self._model = model_of(model)
        manifest = self._model.manifest
        self.recipe = recipe_from(recipe, manifest)
        self.stream = streams.of_names(seed)
        self.seed = self.stream.seed
        self.dtype = None if dtype is None else dtype_of(dtype)
        wanted = self.dtype or (None if self.recipe.dtype is None else dtype_of(self.recipe.dtype))
        self.recipe.check_work(manifest)
        rules = self.recipe.match(manifest)
        if not self.recipe.complete:
            rules |= buffers.rules_of(manifest)
        context = self.recipe.context(manifest)
        drawn = (each for each in manifest.tensors if each.name in rules)
        tensors = [
            tensor_plan(each, rules[each.name], context, self.stream, wanted) for each in drawn
        ]
        super().__init__(manifest, tensors)

    @staticmethod
    def record(
        build: Any,
        seed: Seed | None = None,
        dtype: Any = None,
        *,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Plan:
        """Return the plan of a model's own initialization: see ``fastinit.torch.record``.

        Example:
            >>> import fastinit, torch
            >>> fastinit.Plan.record(lambda: torch.nn.LayerNorm(4)).init()["weight"]
            array([1., 1., 1., 1.], dtype=float32)
        """
        # The adapters stand above plans, which know their names alone.
        adapter: Any = importlib.import_module("fastinit.torch")
        plan: Plan = adapter.record(build, seed, dtype, args=args, kwargs=kwargs)
        return plan

    def __repr__(self) -> str:
        of = f"{self.manifest.model}, recipe {self.recipe.name}, seed {self.seed}"
        return f"Plan({of}, {summary(self.tensors, self.left_alone)})"

    def _repr_html_(self) -> str:
        return self.explain().by_rule().table().html(repr(self))

    def explain(self) -> Explanation:
        """Return what is drawn for every tensor, and by which rule.

        Returns:
            A list with a row for every tensor, all plain data: its ``name``, ``shape``,
            ``elements`` and ``dtype``; the ``pattern`` and ``initializer`` of its rule and the
            rule's number; the ``distribution`` with fans and scales worked out; the ``mean`` and
            ``std`` of the values, None where they are not known; what the rule ``assumes`` that
            the tensor is, if anything; the ``numbers`` of the model that the rule's initializer
            takes. Tensors that are left alone come last: all that belongs to
            rules is None in their rows. ``print`` shows a table; ``by_rule()`` has a row for every
            rule.

        Example:
            >>> import fastinit
            >>> print(fastinit.Plan({"wte.weight": (100, 8)}, "gpt2").explain())
            name        shape    dtype    pattern    distribution       std
            wte.weight  100 x 8  float32  **.weight  Normal(std=0.02)  0.02
        """
        return explain(self.recipe, self.tensors, self.left_alone)

    def init(self, *, device: Any = "cpu", only: Any = None) -> Any:
        """Draw every tensor, in one call of the native code.

        Args:
            device: where the arrays shall lie: "cpu" for NumPy's, "cuda" or "cuda:1" for CuPy's.
            only: a pattern, as rules have it; tensors whose names it does not match are left out.

        Returns:
            New arrays by name; tied names are left out, as they are in a checkpoint. If the model
            was given as a tree, that tree with arrays in the places of its tensors; what is not
            drawn stays as it was given.

        Raises:
            KeyboardInterrupt: on Ctrl-C.
            MemoryError: they do not fit; none is left behind.
            RuntimeError: CUDA cannot be used here (``fastinit.cuda_status`` says why), or failed.
            ValueError: ``only`` matches nothing, or the device is not there.

        Example:
            >>> import fastinit
            >>> model = {"ln_f.weight": 3, "wte.weight": (2, 4)}
            >>> fastinit.Plan(model, "gpt2").init(only="ln_*.weight")
            {'ln_f.weight': array([1., 1., 1.], dtype=float32)}
        """
        return self._model.filled(draw_new(self.select(only), device))

    def masks(self, *, device: Any = "cpu", only: Any = None) -> Any:
        """Draw the masks of all tensors that have one, without their values.

        Args:
            device: where the arrays shall lie, as for ``init``.
            only: a pattern, as rules have it; tensors whose names it does not match are left out.

        Returns:
            New arrays of bool by name, True where a value is kept. If the model was given as a
            tree, that tree: with masks, and True for tensors without one.

        Raises:
            ValueError: ``only`` matches nothing, or the device is not there.

        Example:
            >>> import fastinit
            >>> rules = [("w", fastinit.Sparse(0.5, per="tensor")), ("b", fastinit.Constant(0))]
            >>> plan = fastinit.Plan({"w": (2, 4), "b": 2}, rules, seed=0)
            >>> {name: int(kept.sum()) for name, kept in plan.masks().items()}
            {'w': 4}
        """
        found = {each.parameter.name: mask_of(each) for each in self.select(only)}
        masks = draw_new([each for each in found.values() if each is not None], device)
        is_tree = self._model.tree is not None
        return self._model.filled(dict.fromkeys(found, True) | masks) if is_tree else masks

    def init_into(self, given: Mapping[str, Any]) -> None:
        """Draw into arrays that are there, in one call of the native code.

        Args:
            given: name -> array (NumPy, torch or DLPack) of the tensor's shape and dtype, writeable
                and C-contiguous: a module's ``state_dict()``, or a tree if the plan was made of
                one. Tied names may be among them; tensors that are not are left out.

        Raises:
            KeyboardInterrupt: on Ctrl-C.
            ValueError: a name that the plan does not have, something that is no array or does not
                fit, or two arrays that share memory without being tied. Nothing is drawn then.

        Example:
            >>> import fastinit, numpy as np
            >>> arrays = {"ln_f.weight": np.empty(3, np.float32)}
            >>> fastinit.Plan({"ln_f.weight": 3}, "gpt2").init_into(arrays)
            >>> arrays["ln_f.weight"]
            array([1., 1., 1.], dtype=float32)
        """
        named = self._model.flattened(given)
        draw_into([(self.tensor(name), name, array) for name, array in named.items()])

    def draw(
        self, name: str, index: Index | None = None, *, device: Any = None, out: Any = None
    ) -> Any:
        """Draw one tensor, or any part of it.

        Args:
            name: the tensor's; a tied name stands for that which it shares.
            index: what one writes in square brackets (``np.s_[1024:2048, :]``): exactly that part
                of the whole. Integers drop their axis; no steps, nothing out of range.
            device: where a new array shall lie; None for the CPU, or where ``out`` lies.
            out: an array of the part's shape, filled and returned.

        Raises:
            IndexError: ``index`` reaches beyond the shape.
            TypeError: an argument of the wrong type.
            ValueError: the plan has no such tensor, or ``out`` does not fit.

        Example:
            >>> import fastinit, numpy as np
            >>> fastinit.Plan("llama-3-8b", seed=0).draw("lm_head.weight", np.s_[-1, :3]).shape
            (3,)
        """
        return draw_part(self.tensor(name), index, device, out)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        max_shard_size: int | str = "5GB",
        only: Any = None,
        force: bool = False,
        resume: bool = False,
        device: Any = None,
        progress: Callable[[int], None] | None = None,
    ) -> Saved:
        """Draw every tensor into safetensors files, through a few buffers of bounded size.

        The same arguments give the same bytes. Every file appears whole, under its name, or not at
        all, and the index last. After an error or a kill, whole shards stay for ``resume``.

        Args:
            path: A file that ends in ``.safetensors``, or else a folder in the form of Hugging
                Face: ``model.safetensors``, or shards with their index if that would be too large;
                and the ``config.json`` that the manifest came from.
            max_shard_size: The largest size of the tensors of a file in a folder: bytes, or "5GB"
                (10**9), "2GiB" (2**30). A tensor that is larger has a file of its own.
            only: A pattern, as in rules; tensors whose names it does not match are left out.
            force: Replace what is there. In a folder, the old checkpoint is deleted first.
            resume: Keep whole files of the same plan whose digests match, and draw the rest.
            device: What draws: "cpu" (the default), "cuda" or "cuda:1".
            progress: Called with a number of bytes, each time that many more are written.

        Returns:
            The paths, sizes and digests.

        Raises:
            BlockingIOError: Another process or thread is writing the same checkpoint.
            FileExistsError: A file is in the way, and ``force`` is not set.
            KeyboardInterrupt: On Ctrl-C.
            OSError: The folder is missing or not writeable, or the disk is full.
            RuntimeError: CUDA cannot be used here (``fastinit.cuda_status`` says why), or failed.
            TypeError: A size, a pattern, ``force`` or ``resume`` is of the wrong type.
            ValueError: A size is not understood, ``only`` matches nothing, or the suffix of the
                path is that of another format (``.pt``, ``.bin``).

        Example:
            >>> import fastinit, pathlib, tempfile
            >>> plan = fastinit.Plan({"ln_f.weight": 3}, "gpt2")
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     list(plan.save(pathlib.Path(folder, "model.safetensors")).digests)
            ['ln_f.weight']
        """
        return save(
            self,
            path,
            max_shard_size=max_shard_size,
            only=only,
            force=force,
            resume=resume,
            device=device,
            progress=progress,
        )

    def verify(
        self,
        path: str | os.PathLike[str],
        *,
        device: Any = None,
        progress: Callable[[int], None] | None = None,
    ) -> Verification:
        """Draw this plan again and compare a checkpoint from any source with it, bit by bit.

        ``fastinit.verify`` does the same with the plan that the files carry.

        Args:
            path: A ``.safetensors`` file, an index, or a folder that holds one of them.
            device: What draws: "cpu" (the default), "cuda" or "cuda:1".
            progress: Called with a number of bytes, each time that many more are compared.

        Returns:
            The result for every tensor: ``ok``, ``verdict``, ``counts``, ``tensors``, ``problems``.

        Raises:
            OSError: A file is missing or cannot be read.
            RuntimeError: CUDA cannot be used here (``fastinit.cuda_status`` says why), or failed.
            ValueError: A file is not a whole safetensors file, or a folder holds a file and an
                index that contradict each other.

        Example:
            >>> import fastinit, tempfile
            >>> model = {"wte.weight": (2, 2)}
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     _ = fastinit.Plan(model, "gpt2", seed=0).save(folder)
            ...     fastinit.Plan(model, "gpt2", seed=1).verify(folder).ok
            False
        """
        return compare(checks.path(path, "path"), lambda _: self, False, device, progress)

    def diff(self, other: Plan, only: Any = None) -> Difference:
        """Compare what two plans draw, without drawing it.

        Args:
            other: The plan to compare this one with.
            only: A pattern, as rules have it; tensors whose names it does not match are left out.

        Returns:
            A list with a row for every name whose values differ: ``differs`` says in what,
            ``left`` and ``right`` have the rows that ``explain`` has for it. ``equal`` is the
            number of the other names. ``by_rule()`` has a row for every pair of rules.

        Raises:
            TypeError: ``other`` is not a plan, or ``only`` not a pattern.
            ValueError: ``only`` is not understood, or matches no tensor of the two.

        Example:
            >>> import fastinit
            >>> model = {"ln.weight": 3, "w.weight": (4, 4)}
            >>> one, other = (fastinit.Plan(model, "gpt2", seed=seed) for seed in (0, 1))
            >>> print(one.diff(other))
            name      differs  left                      right
            w.weight  seed     Normal(std=0.02), seed 0  Normal(std=0.02), seed 1
        """
        if not isinstance(other, Plan):
            raise checks.wrong_type(other, "other", "a Plan")
        return difference(self, other, only)

    def multipliers(self) -> dict[str, dict[str, float]]:
        """Return the factors on how each parameter is trained and used, as its rule has them.

        Returns:
            By name, the factors on the ``learning_rate``, the ``weight_decay``, Adam's ``epsilon``
            and the ``forward`` pass: 1.0 unless the recipe has multipliers (``Recipe.mup``).

        Example:
            >>> import fastinit
            >>> plan = fastinit.Plan({"ln_f.weight": 3}, "gpt2")
            >>> plan.multipliers()["ln_f.weight"]["learning_rate"]
            1.0
        """
        rules = {each.parameter.name: each.rule for each in self.tensors}
        return self.recipe.multipliers(self.manifest, rules)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, from which ``from_dict`` makes a plan that draws the same.

        It holds the whole manifest and recipe, so that no file and no built-in is needed again.
        ``write_json`` keeps large values apart.

        Raises:
            ValueError: the seed is the child of a ``Stream``, whose path has no field.

        Example:
            >>> import fastinit
            >>> plan = fastinit.Plan("gpt2", seed=7)
            >>> data = plan.to_dict()
            >>> list(data)
            ['format', 'stream_version', 'seed', 'dtype', 'recipe', 'manifest']
            >>> fastinit.Plan.from_dict(data).to_dict() == data
            True
        """
        if self.stream.path:
            raise ValueError(
                f"seed={self.stream!r} has a path, which a written plan has no field for; pass "
                "the Stream itself to plans that are saved"
            )
        return {
            "format": FORMAT,
            "stream_version": streams.STREAM_VERSION,
            "seed": self.seed,
            "dtype": None if self.dtype is None else self.dtype.name,
            "recipe": self.recipe.to_dict(),
            "manifest": self.manifest.to_dict(),
        }

    def write_json(self, path: str | os.PathLike[str]) -> None:
        """Write the plan itself, without what it draws, which ``fastinit.load_plan`` reads.

        Values that the plan stores stand in the file while they are small. Beyond 64 KB they are in
        a safetensors file beside it, ``NAME.json.DIGEST.values``, which is written first.

        Args:
            path: Of a file, whose name ends in ``.json``. A plan that is there is replaced in one
                step, and its file of values is deleted after that.

        Raises:
            OSError: The folder is missing or not writeable, the disk is full, or what is there is
                not a regular file.
            ValueError: The name is another, or the seed is the child of a ``Stream``.

        Example:
            >>> import fastinit, pathlib, tempfile
            >>> plan = fastinit.Plan({"ln_f.weight": 3}, "gpt2", seed=7)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     plan.write_json(pathlib.Path(folder, "plan.json"))
            ...     fastinit.load_plan(pathlib.Path(folder, "plan.json"))
            Plan(model, recipe gpt2, seed 7, float32: 1 tensor, 3 values)
        """
        write_json(self.to_dict(), checks.path(path, "path"))

    @staticmethod
    def from_dict(data: Any) -> Plan:
        """Return the plan that ``to_dict`` described.

        Raises:
            ValueError: a field is missing, not known or wrong, or of a version that is not drawn.
        """
        fields = ("format", "stream_version", "seed", "dtype", "recipe", "manifest")
        if isinstance(data, dict) and values.FIELD in data:
            file = data[values.FIELD]
            raise ValueError(f"its values are in the file {file!r}; call fastinit.load_plan")
        found = json_files.fields(data, fields)
        json_files.versions(found, format=FORMAT, stream_version=streams.STREAM_VERSION)
        with json_files.located("recipe"):
            rules = Recipe.from_dict(found["recipe"])
        with json_files.located("manifest"):
            manifest = Manifest.from_dict(found["manifest"])
        with json_files.located("plan"):
            if (seed := found["seed"]) is None:
                raise ValueError("seed is None; write an integer in [0, 2**64)")
            if not isinstance(found["dtype"], (str, type(None))):
                raise ValueError(f"dtype={found['dtype']!r} is not a string; write a name, or null")
            return Plan(manifest, rules, seed=seed, dtype=found["dtype"])
