"""Functions of masks: each draws one array through its initializer object."""

from __future__ import annotations

from typing import Any, Unpack

from fastinit.functions.placement import Placement, Shape
from fastinit.initializers import NM, Bernoulli, Constant, Initializer, Sparse

Base = Initializer | str | None


def sparse(
    shape: Shape,
    sparsity: float | None = None,
    nonzeros: int | None = None,
    std: float | None = None,
    base: Base = None,
    per: str = "in",
    *,
    correct_fan: bool = False,
    layout: str = "oi*",
    format: str | None = None,
    **where: Unpack[Placement],
) -> Any:
    """Exactly so many weights of every input or of every output are left; the others are 0.

    Args:
        shape: the whole array's.
        sparsity: the fraction that is zeroed, 0 to 1: ceil(sparsity * n) of every n.
        nonzeros: how many are left of every n, in place of ``sparsity``.
        std: of a normal with mean 0; None for 0.01, or for a base.
        base: what draws the values instead: an initializer, or a name as "he_normal".
        per: "in": of the weights that one input feeds (columns, as torch's ``sparse_``); "out": of
            the weights that feed one output unit (Martens, ICML 2010: 15 nonzeros).
        correct_fan: count fans from the weights that are left.
        layout: what each axis is, "oi*" being torch's, "*io" that of JAX and Keras.
        format: "csr", "csc" or "coo" for that array of scipy.sparse, of a matrix in float32 or
            float64: equal to the dense one converted, which never exists; indices are sorted.
        **where: ``seed``, ``name``, ``dtype``, ``device``, ``out``, ``index``; see
            ``Initializer``.

    Returns:
        A NumPy array, or ``out``; with ``format``, a sparse array.

    Raises:
        ImportError: ``format`` without scipy.
        TypeError: an argument of the wrong type.
        ValueError: both or neither of sparsity and nonzeros, an option out of range, a shape
            without an output and an input axis, or ``out`` that does not fit.

    Example:
        >>> import fastinit
        >>> w = fastinit.sparse((50, 20), sparsity=0.9, seed=0)
        >>> set((w == 0).sum(axis=0).tolist())
        {45}
    """
    what = Sparse(sparsity, nonzeros, std, base, per, correct_fan, layout)
    if format is None:
        return what(shape, **where)
    from fastinit import formats

    return formats.draw(what, shape, format, **where)


def mask(
    shape: Shape,
    sparsity: float | None = None,
    nonzeros: int | None = None,
    per: str = "in",
    *,
    layout: str = "oi*",
    **where: Unpack[Placement],
) -> Any:
    """The mask of ``sparse`` alone: True (1) where a weight is kept, False (0) where it is zeroed.

    With the same seed, name and options it is exactly the mask of ``sparse``, and means what
    torch.nn.utils.prune means by a mask.

    Args:
        shape: the whole array's.
        sparsity: the fraction that is zeroed, 0 to 1: ceil(sparsity * n) of every n.
        nonzeros: how many are kept of every n, in place of ``sparsity``.
        per: "in": of the weights that one input feeds (columns); "out": of the weights that feed
            one output unit.
        layout: what each axis is, "oi*" being torch's, "*io" that of JAX and Keras.
        **where: ``seed``, ``name``, ``dtype`` (bool unless it or ``out`` is given), ``device``,
            ``out``, ``index``; see ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: both or neither of sparsity and nonzeros, an option out of range, a shape
            without an output and an input axis, or ``out`` that does not fit.

    Example:
        >>> import fastinit
        >>> kept = fastinit.mask((6, 4), nonzeros=2, seed=0)
        >>> kept.dtype, kept.sum(axis=0).tolist()
        (dtype('bool'), [2, 2, 2, 2])
    """
    what = Sparse(sparsity, nonzeros, None, Constant(1), per, False, layout)
    return what(shape, **_of_mask(where))


def n_m(
    shape: Shape,
    n: int = 2,
    m: int = 4,
    base: Base = None,
    *,
    correct_fan: bool = False,
    layout: str = "oi*",
    **where: Unpack[Placement],
) -> Any:
    """Exactly n of every m neighbours along the input axis are kept, for sparse tensor cores.

    Args:
        shape: the whole array's.
        n: how many are kept, 0 to ``m``.
        m: of how many; divides the input axis.
        base: what draws the values: an initializer, or a name as "he_normal". None for the mask
            itself: True (1) where a weight is kept.
        correct_fan: count fans from the weights that are left.
        layout: what each axis is, "oi*" being torch's, "*io" that of JAX and Keras.
        **where: ``seed``, ``name``, ``dtype`` (bool for a mask unless it or ``out`` is given),
            ``device``, ``out``, ``index``; see ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: n > m, m that does not divide the input axis, another option out of range, or
            ``out`` that does not fit.

    Example:
        >>> import fastinit
        >>> fastinit.n_m((2, 8), seed=0).reshape(-1, 4).sum(axis=1).tolist()
        [2, 2, 2, 2]
    """
    what = NM(n, m, base, correct_fan, layout)
    return what(shape, **(_of_mask(where) if base is None else where))


def bernoulli(
    shape: Shape,
    p: float = 0.5,
    base: Base = None,
    *,
    correct_fan: bool = False,
    layout: str = "oi*",
    **where: Unpack[Placement],
) -> Any:
    """Each weight by itself is kept with probability p.

    Args:
        shape: the whole array's.
        p: 0 to 1, the probability that a weight is kept (True, 1), to within 2**-32.
        base: what draws the values: an initializer, or a name as "he_normal". None for the mask
            itself: True (1) where a weight is kept.
        correct_fan: count fans from the weights that are left on average.
        layout: what each axis is; matters to fans alone.
        **where: ``seed``, ``name``, ``dtype`` (bool for a mask unless it or ``out`` is given),
            ``device``, ``out``, ``index``; see ``Initializer``.

    Returns:
        A NumPy array, or ``out``.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: p or another option out of range, or ``out`` that does not fit.

    Example:
        >>> import fastinit
        >>> round(float(fastinit.bernoulli((1000, 1000), 0.1, seed=0).mean()), 2)
        0.1
    """
    what = Bernoulli(p, base, correct_fan, layout)
    return what(shape, **(_of_mask(where) if base is None else where))


def _of_mask(where: Placement) -> Placement:
    """The placement of a mask, whose dtype is bool unless somebody says otherwise."""
    if where.get("dtype") is None and where.get("out") is None:
        return {**where, "dtype": "bool"}
    return where
