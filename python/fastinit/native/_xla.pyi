from typing import Any

api_version: tuple[int, int]
draw_on_cpu: Any  # a capsule, which JAX registers
