"""The graph of a model, whatever framework it is of: which activation follows a weight, and where.

An adapter makes a ``Node`` of each operation on data, and ``graph_of`` finds what the guide asks.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fastinit.guide.activations.activation import Activation
from fastinit.guide.advice import Case, case_of, known_activation
from fastinit.guide.models.places import Place
from fastinit.guide.models.roles import architecture_of, normalization_of, width_of
from fastinit.manifests import Manifest

_RECURRENT = ("rnn", "lstm", "gru")


@dataclasses.dataclass(eq=False)
class Node:
    """An operation on data; operations on parameters and constants alone are not nodes.

    Attributes:
        inputs: the nodes whose results it takes.
        weight: the name of the weight that it multiplies its input by, or looks its input up in.
        is_embedding: whether it looks up.
        norm: the name of the normalization that it is.
        activation: the activation that it is.
        is_sum: whether it adds its inputs.
        users: the nodes that take its result.
    """

    inputs: Sequence[Node] = ()
    weight: str | None = None
    is_embedding: bool = False
    norm: str | None = None
    activation: Activation | None = None
    is_sum: bool = False
    users: list[Node] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.inputs = tuple(dict.fromkeys(self.inputs))
        for each in self.inputs:
            each.users.append(self)


@dataclasses.dataclass(frozen=True)
class Graph:
    """The order, activations and residual branches of a model, as its program tells them.

    Attributes:
        followed_by: weight -> the activation that follows its output.
        order: the names of weights, in the order of their first uses.
        blocks: the number of residual connections; None if not known.
        branch_ends: the weights that are the last of a residual branch.
        branch_norms: the normalizations after these, whose outputs are added.
        normalized_ends: those of the branch ends whose sum with the stream is normalized.
        sums: the nodes that join a branch to its stream, each with the weight that ends the branch.
    """

    followed_by: Mapping[str, Activation]
    order: tuple[str, ...]
    blocks: int | None
    branch_ends: frozenset[str] = frozenset()
    branch_norms: frozenset[str] = frozenset()
    normalized_ends: frozenset[str] = frozenset()
    sums: tuple[tuple[Node, str | None], ...] = ()

    @property
    def residual(self) -> bool | None:
        """Whether there are residual connections; None if not known."""
        return None if self.blocks is None else self.blocks > 0

    @property
    def depth(self) -> int | None:
        """The number of residual connections, or without any of layers; None if not known."""
        return None if self.blocks is None else self.blocks or len(self.order) or None

    def depth_of(self, architecture: str) -> int | None:
        """Return the number of blocks; those of a transformer have two residual connections."""
        if architecture == "transformer" and self.blocks:
            return max(self.blocks // 2, 1)
        return self.depth

    def activation_for(self, architecture: str) -> Activation | None:
        """Return the activation that follows most weights; None of recurrent networks."""
        if architecture in _RECURRENT:  # whose steps have their own
            return None
        found = [each for each in self.followed_by.values() if each.name != "linear"]
        return Counter(found).most_common(1)[0][0] if found else None

    def kind(self, architecture: str) -> str:
        """Return the kind of network; sines after most weights make a SIREN."""
        sines = sum(each.name == "sin" for each in self.followed_by.values())
        return "siren" if 2 * sines > len(self.followed_by) else architecture

    def case(
        self,
        manifest: Manifest,
        kinds: Iterable[str],
        *,
        activation: Any,
        architecture: str | None,
        depth: int | None,
        normalization: str | None,
        residual: bool | None,
        optimizer: str | None,
        width: int | None,
    ) -> Case:
        """Return the case of the model: what is given, else what the graph and its names say.

        Args:
            manifest: the parameters, with the types of their modules where these are known.
            kinds: the types of all modules.
            activation: see ``fastinit.recommend``, as the others; None for that of most weights.
            architecture: None for what the model looks like.
            depth: None for what the graph says.
            normalization: None for that of the modules.
            residual: None for what the graph says.
            optimizer: see ``fastinit.recommend``.
            width: None for that of the normalizations.
        """
        kind = self.kind(architecture_of(manifest)) if architecture is None else architecture
        return case_of(
            self.activation_for(kind) if activation is None else activation,
            kind,
            self.depth_of(kind) if depth is None else depth,
            "hidden",
            normalization_of(kinds) if normalization is None else normalization,
            self.residual if residual is None else residual,
            optimizer,
            width_of(manifest) if width is None else width,
        )

    def places(
        self,
        owners: Mapping[str, str],
        architecture: str | None,
        layouts: Mapping[str, str] | None = None,
    ) -> dict[str, Place]:
        """Return what the graph says of parameters.

        Args:
            owners: parameter -> the name of its weight or normalization in this graph.
            architecture: the kind of network.
            layouts: parameter -> what each of its axes is, where the graph says it.
        """
        places = {}
        for name, owner in owners.items():
            if owner in self.followed_by:
                layer = "residual_output" if owner in self.branch_ends else None
                depth = None
                if owner in self.normalized_ends and architecture == "transformer":
                    layer, depth = "post_norm_output", self.depth_of(architecture)
                if architecture == "siren" and owner == self.order[0]:
                    layer = "input"
                layout = (layouts or {}).get(name)
                places[name] = Place(layer, self.followed_by[owner], depth=depth, layout=layout)
            elif owner in self.branch_norms:
                places[name] = Place("residual_norm_scale")
        return places


def graph_of(nodes: Sequence[Node]) -> Graph:
    """Return what is known of a model, by its nodes in the order in which they run."""
    followed: dict[str, Activation] = {}
    forks: dict[Node, Node] = {}
    ends: list[tuple[str, str | None] | None] = []
    sums: list[tuple[Node, str | None]] = []
    normalized: set[str] = set()
    for node in nodes:
        if node.is_sum and (fork := _fork_of_sum(node, forks)) is not None:
            forks[node] = fork
            ends.append(_branch_end(node))
            end = None if ends[-1] is None else ends[-1][0]
            sums.append((node, end))
            if end is not None and _is_normalized(node) and not any(e.norm for e in fork.users):
                normalized.add(end)
        if node.weight is not None:
            followed.setdefault(node.weight, _after(node))
    known = [each for each in ends if each is not None]
    weights = frozenset(weight for weight, _ in known)
    norms = frozenset(norm for _, norm in known if norm is not None)
    return Graph(
        followed,
        tuple(followed),
        len(ends),
        weights,
        norms,
        frozenset(normalized),
        tuple(sums),
    )


def _is_normalized(node: Node) -> bool:
    """Whether a sum is used by a normalization alone, as in transformers with norms after sums."""
    while len(node.users) == 1:
        node = node.users[0]
        if node.norm is not None:
            return True
        if not _is_plain(node):
            return False
    return False


def _fork_of_sum(node: Node, forks: Mapping[Node, Node]) -> Node | None:
    """Return where a stream and a branch part that a sum joins; None of other sums.

    A branch multiplies by a weight. The sum of vectors of tokens and of positions joins none, nor
    do the rotations of rotary embeddings and the gates of recurrent cells.
    """
    if len(node.inputs) != 2:
        return None
    for stream, branch in (node.inputs, node.inputs[::-1]):
        weights = [each for each in _last_weights(branch) if not each.is_embedding]
        before = [_ancestors(each) for each in weights]
        for fork in _forks(stream, forks):
            if any(fork in each for each in before):
                return fork
    return None


def _forks(stream: Node, forks: Mapping[Node, Node]) -> Iterator[Node]:
    """Yield where branches may leave a stream: before a projection, and before an earlier sum."""
    node: Node | None = stream
    while node is not None:
        while len(node.users) == 1 and _is_plain(node):
            node = node.inputs[0]
        if node.weight is not None and len(node.users) == 1 and node.inputs:
            yield node.inputs[0]
        else:
            yield node
        node = forks.get(node)


def _is_plain(node: Node) -> bool:
    """Whether a node passes one input on, as reshaping, normalization and scaling do."""
    return node.weight is None and node.activation is None and len(node.inputs) == 1


def _last_weights(node: Node) -> list[Node]:
    """Return the last nodes with weights up to a node, on all ways to it."""
    found, waiting, seen = [], [node], set[Node]()
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        if each.weight is not None:
            found.append(each)
        else:
            waiting += each.inputs
    return found


def _ancestors(node: Node) -> set[Node]:
    found, waiting = set[Node](), list(node.inputs)
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += each.inputs
    return found


def without_dead_ends(nodes: Sequence[Node], results: Sequence[Node]) -> list[Node]:
    """Return the nodes on which results depend, as the only users of each other."""
    needed = set(results).union(*map(_ancestors, results))
    kept = [each for each in nodes if each in needed]
    for each in kept:
        each.users = [user for user in each.users if user in needed]
    return kept


def _branch_end(addition: Node) -> tuple[str, str | None] | None:
    """Return the weight whose output is added to the stream, and the normalization between.

    It is None if that is not clear. What is used elsewhere too is the stream. Of two weights one
    may be the projection of a shortcut, whose input is used elsewhere.
    """
    found: list[tuple[Node, str | None]] = []
    for node in addition.inputs:
        norm = None
        while len(node.users) == 1 and _is_plain(node):
            norm = node.norm or norm
            node = node.inputs[0]
        if len(node.users) == 1 and node.weight is not None:
            found.append((node, norm))
    if len(found) == 2:
        found = [each for each in found if _has_input_of_its_own(each[0])]
    if len(found) != 1:
        return None
    node, norm = found[0]
    assert node.weight is not None
    return node.weight, norm


def _has_input_of_its_own(node: Node) -> bool:
    return bool(node.inputs) and len(node.inputs[0].users) == 1


def _after(node: Node) -> Activation:
    """Return the first activation on the way from a node, "linear" where another weight is next."""
    waiting, seen = list(node.users), set[Node]()
    while waiting:
        user = waiting.pop(0)
        if user in seen:
            continue
        seen.add(user)
        if user.activation is not None:
            return user.activation
        if user.weight is None:
            waiting += user.users
    return known_activation("linear")
