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
from fastinit.guide.models.roles import (
    architecture_of,
    is_adapter,
    normalization_of,
    width_of,
    without_layers,
)
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
class Branch:
    """A residual branch: what is added to a stream.

    Attributes:
        join: the node that adds it.
        stream: the node where the stream begins, which branches of one stack have in common.
        weight: the weight whose output is added; None if that is not clear.
        norm: the normalization after that weight; None if there is none.
        is_normalized: whether the sum is normalized before anything else uses it.
    """

    join: Node
    stream: Node
    weight: str | None = None
    norm: str | None = None
    is_normalized: bool = False


@dataclasses.dataclass(frozen=True)
class Graph:
    """The order, activations and residual branches of a model, as its program tells them.

    Attributes:
        followed_by: weight -> the activation that follows its output.
        order: the names of weights, in the order of their first uses.
        branches: the residual branches, in the order in which they are added; None if not known.
        note: why less is known than a program tells; "" where nothing is amiss.
    """

    followed_by: Mapping[str, Activation]
    order: tuple[str, ...]
    branches: tuple[Branch, ...] | None
    note: str = ""

    @property
    def residual(self) -> bool | None:
        """Whether there are residual connections; None if not known."""
        return None if self.branches is None else bool(self.branches)

    def stacks(self) -> list[list[Branch]]:
        """Return the branches of each stream, such as those of an encoder and of a decoder."""
        found: dict[Node, list[Branch]] = {}
        for each in self.branches or ():
            found.setdefault(each.stream, []).append(each)
        return list(found.values())

    def depth_of(self, architecture: str) -> int | None:
        """Return the number of blocks, without residual branches of layers; None if not known.

        A block of a transformer has several branches, those of others have one.
        """
        if self.branches is None:
            return None
        if architecture == "transformer" and self.branches:
            return max(map(_layers, self.stacks()))
        return len(self.branches) or len(self.order) or None

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
            depth=self.depth_of(kind) if depth is None else depth,
            normalization=normalization_of(kinds) if normalization is None else normalization,
            residual=self.residual if residual is None else residual,
            optimizer=optimizer,
            width=width_of(manifest) if width is None else width,
        )

    def places(
        self,
        owners: Mapping[str, str],
        case: Case,
        layouts: Mapping[str, str] | None = None,
    ) -> dict[str, Place]:
        """Return what the graph says of parameters.

        Args:
            owners: parameter -> the name of its weight or normalization in this graph.
            case: that of the model.
            layouts: parameter -> what each of its axes is, where the graph says it.
        """
        is_transformer = case.architecture == "transformer"
        is_counted = is_transformer and case.depth == self.depth_of("transformer")
        ends = {each.weight: each for each in self.branches or ()}
        counts = {each.weight: len(stack) for stack in self.stacks() for each in stack}
        norms = {each.norm for each in ends.values()}
        places = {}
        for name, owner in owners.items():
            layout = (layouts or {}).get(name)
            if (end := ends.get(owner)) is not None:
                is_last = end.is_normalized and is_transformer
                layer = "post_norm_output" if is_last else "residual_output"
                count = counts[owner] if is_counted else None
                act = self.followed_by.get(owner)
                places[name] = Place(layer, act, branches=count, layout=layout)
            elif owner in self.followed_by:
                is_first = case.architecture == "siren" and owner == self.order[0]
                first = "input" if is_first else None
                places[name] = Place(first, self.followed_by[owner], layout=layout)
            elif owner in norms:
                places[name] = Place("residual_norm_scale")
        return places


def graph_of(nodes: Sequence[Node]) -> Graph:
    """Return what is known of a model, by its nodes in the order in which they run."""
    followed: dict[str, Activation] = {}
    forks: dict[Node, Node] = {}
    branches: list[Branch] = []
    for node in nodes:
        if node.is_sum and (fork := _fork_of_sum(node, forks)) is not None:
            ends = _branch_ends(node, forks)
            if any(weight is not None and is_adapter(weight) for weight, _ in ends):
                continue  # beside the weight that it adapts
            normalized = _is_normalized(node) and not any(each.norm for each in fork.users)
            stream = _beginning(fork, forks)
            branches += [Branch(node, stream, *end, is_normalized=normalized) for end in ends]
            forks[node] = fork
        if node.weight is not None:
            followed.setdefault(node.weight, _after(node))
    return Graph(followed, tuple(followed), tuple(branches))


def _layers(stack: Sequence[Branch]) -> int:
    """Return the number of layers of a transformer's stack.

    Branches whose names differ in numbers alone do the same in different layers. Where the names
    do not tell, a layer has two branches.
    """
    alike = Counter(without_layers(each.weight or "") for each in stack)
    counts = set(alike.values())
    if len(counts) == 1 and counts != {1}:
        return counts.pop()
    return max(len(stack) // 2, 1)


def _beginning(node: Node, forks: Mapping[Node, Node]) -> Node:
    """Return where a stream begins: at a table of vectors, or at an input of the model."""
    while node.inputs and not node.is_embedding:
        node = forks.get(node, node.inputs[0])
    return node


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


def _branch_ends(addition: Node, forks: Mapping[Node, Node]) -> list[tuple[str | None, str | None]]:
    """Return the weights whose outputs are added to the stream, and the normalizations between.

    The weight is None if it is not clear. What is used elsewhere too is the stream. Of two weights
    one may be the projection of a shortcut, whose input is used elsewhere.
    """
    sides = [side for each in addition.inputs if (side := _ends(each, forks))]
    if len(sides) == 2:
        sides = [side for side in sides if all(_has_input_of_its_own(node) for node, _ in side)]
    return [(node.weight, norm) for node, norm in sides[0]] if len(sides) == 1 else [(None, None)]


def _ends(node: Node, forks: Mapping[Node, Node]) -> list[tuple[Node, str | None]]:
    """Return the weights that are last on the way to a node which a sum alone uses.

    Branches that leave a stream together may be added to each other first, as attention and MLP
    of GPT-NeoX: each of them is a branch, since variances add up in any order.
    """
    norm = None
    while len(node.users) == 1 and _is_plain(node):
        norm = node.norm or norm
        node = node.inputs[0]
    if len(node.users) != 1:
        return []
    if node.weight is not None:
        return [(node, norm)]
    if node.is_sum and node not in forks:
        sides = [_ends(each, forks) for each in node.inputs]
        found = [each for side in sides for each in side] if all(sides) else []
        return [(end, norm) for end, norm in found if not is_adapter(end.weight or "")]
    return []


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
