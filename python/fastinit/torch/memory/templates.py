"""The templates of a fill, and the initializer that they are of."""

from __future__ import annotations

from collections.abc import Iterable

from fastinit.initializers import Initializer
from fastinit.native.request import Template


class Templates(tuple[Template, ...]):
    """The templates of an initializer for one shape and dtype, and the initializer itself."""

    initializer: Initializer

    @classmethod
    def of(cls, initializer: Initializer, templates: Iterable[Template]) -> Templates:
        """Return the templates of an initializer."""
        made = cls(templates)
        made.initializer = initializer
        return made
