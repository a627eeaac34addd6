"""Tensors whose names say what they hold, so that no distribution may draw them.

Among them are statistics, the scales and tables of quantized weights, adapters, which start as the
identity, and the parameters of recurrences, whose forms differ from model to model. A general
pattern such as ``**`` does not say anything about them. A rule draws one only if its pattern
contains the word that tells it from other tensors (``lora_B``).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from fastinit.initializers import Constant
from fastinit.initializers.base import Initializer
from fastinit.initializers.tables.table import Arange
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.patterns.pattern import Regex
from fastinit.recipes.rule import Rule

_SCALE = "scale of quantized values"
_ZERO_POINT = "zero point"
_TABLE = "table of quantized weights"
_ADAPTER = "part of an adapter"
_COMPUTED = "computed from the weight"
_NORM_SCALE = "scale of a norm"
_STATE = "state matrix"

_Rows = tuple[tuple[str, str, Initializer | None], ...]

# Last segments of names -> what the tensor holds, and what it starts with; None where that depends
# on other tensors. The names are those of torch, transformers, flax, Keras, compressed-tensors,
# GPTQ, AWQ, HQQ and bitsandbytes. All of these tensors are saved but not trained.
_BUFFERS: _Rows = (
    ("running_mean|moving_mean|mean", "mean of activations", Constant(0)),
    ("running_var|moving_variance|variance|var", "variance of activations", Constant(1)),
    ("num_batches_tracked", "counter", Constant(0)),
    ("position_ids", "positions", Arange()),
    ("token_type_ids", "token types", Constant(0)),
    ("final_logits_bias|(?:.*_)?correction_bias|expert_bias(?:es)?", "correction", Constant(0)),
    (".*_scale_inv|(?:.*_)?scales|SCB", _SCALE, Constant(1)),
    (
        "(?:.*_)?(?:weight|input|output|activation|act|qkv|q|k|v|kv|prob|proj)(?:_global)?_scale"
        "(?:_2)?",
        _SCALE,
        Constant(1),
    ),
    ("(?:.*_)?zero_points?|zeros", _ZERO_POINT, Constant(0)),
    ("qweight|qzeros|(?:.*_)?g_idx|scales_and_zeros|.*_proj_blocks", _TABLE, None),
    ("weight_packed|weight_shape|(?:.*_)?absmax|(?:.*_)?quant_map|bitsandbytes__.*", _TABLE, None),
    ("min_val|max_val", "range that an observer saw", None),
    ("inv_freq|freqs_cis|cos_cached|sin_cached", "table of rotary positions", None),
)

# The same for segments anywhere in names: the adapters of peft, torchtune and diffusers, and the
# tensors that weight_norm and spectral_norm compute.
_PARAMETERS: _Rows = (
    (r"(?:[^./]*_)?lora_[Bb]|lora_up|(?:de|gra)lora_B", _ADAPTER, Constant(0)),
    ("(?:lo|hi)ra_embedding_A", _ADAPTER, Constant(0)),
    (r"[^./]*lora(?:_linear_layer)?[./]up", _ADAPTER, Constant(0)),
    ("(?:hira|lily|peanut)_B|shadow_up|hada_w2_b|lokr_w1(?:_a)?|oft_r", _ADAPTER, Constant(0)),
    (r"boft_R|(?:(?:ps)?oft|oft_embedding)_R[./](?:[^./]+[./])?weight", _ADAPTER, Constant(0)),
    (r"glora_[A-E][./][^./]+[./]Xd?|miss_block|tinylora_v", _ADAPTER, Constant(0)),
    ("p?vera_lambda_b|randlora_lambda|frod_lambda_s_values", _ADAPTER, Constant(0)),
    ("road_theta|shira_weight|supertuning_values|waveft_spectrum", _ADAPTER, Constant(0)),
    ("adaption_gate|beft_bias|delta_embedding", _ADAPTER, Constant(0)),
    (r"ia3_l|boft_s|road_alpha|psoft_R[./](?:[^./]+[./])?vector_[ab]", _ADAPTER, Constant(1)),
    ("p?vera_lambda_d", _ADAPTER, Constant(0.1)),
    ("lora_E|ranknum|delora_lambda|boft_P|unilora_(?:indices|scales)_[AB]", _ADAPTER, None),
    ("randlora_gamma", _ADAPTER, None),
    ("supertuning_indices|frod_(?:U|V|s_indices|s_size|lambda_l)", _ADAPTER, None),
    (r"lora_magnitude_vector|delora_w_norm|trainable_tokens_\w+|_?osf_\w+", _COMPUTED, None),
    ("_psoft_[AB]_cache|weight_g|weight_u", _COMPUTED, None),
    (r"parametrizations[./].*(?:original0|_u|_v|base)", _COMPUTED, None),
    (r"A_logs?|log_A\w*|A_(?:re|im|real|imag)|[Ll]ambda_(?:re|im)", _STATE, None),
    ("nu_log|theta_log|gamma_log|[BC]_bias|mimo_[xzo]", _STATE, None),
    (r"dt_bias|log_dt|inv_dt|[^./]*dt_proj[./]bias|dt_projs_bias", "step sizes", None),
    (r"recurrent_param|rg_?lru[./](?:a_param|Lambda)|(?:[^./]*_)?decay|slopes?", "decay", None),
    (r"time_(?:first|faaaa|maa_\w+|mix_\w+)|x_[rwkvag]|k_[ka]|r_k", "mixing of steps", None),
    (r"[^./]*[if]gate(?:_preact)?[./]bias", "bias of an exponential gate", None),
)

# The same for types of modules, whose tensors have names that do not say so.
_MODULES = (
    (re.compile(".*LayerScale.*"), "scale of a layer"),
    (re.compile(".*Sinusoid.*"), "table of positions"),
)

# The scale and the shift of batch norms that are not trained, as in detection models.
_FROZEN = {"weight": Constant(1), "bias": Constant(0)}

_NUMBER = re.compile(r"(?<=[./])[0-9]+(?=[./])")

# A parameter of a norm: the segment before the last ends in "norm" and perhaps a number.
_NORM = re.compile(r"(?:.*[./])?[^./]*norm_?[0-9]*[./]([^./]+)")
_NORM_ONES = ("weight", "scale", "gamma", "g", "w", "a_2")
_NORM_ZEROS = ("bias", "beta", "offset", "b", "b_2", "temp")  # "temp" in transformers' Zaya


@dataclass(frozen=True, slots=True)
class Known:
    """The facts that are known of a tensor.

    Attributes:
        word: The part of the name that says it.
        holds: What the tensor holds.
        rule: What it starts with; None where that is not known.
        is_buffer: Whether the tensor is saved but not trained.
    """

    word: str
    holds: str
    rule: Rule | None
    is_buffer: bool = False

    @property
    def is_computed(self) -> bool:
        """Whether other tensors of the model determine the values."""
        return self.holds == _COMPUTED

    @property
    def is_of_quantization(self) -> bool:
        """Whether the tensor says what quantized values mean, or holds these."""
        return self.holds in (_SCALE, _ZERO_POINT, _TABLE)

    def is_named_by(self, rule: Rule) -> bool:
        """Return whether the pattern of a rule contains the word."""
        pattern = rule.pattern
        return self.word in (pattern.re if isinstance(pattern, Regex) else pattern)


def find(tensor: Parameter) -> Known | None:
    """Return what the name of a tensor says about what it holds, or None if that says nothing."""
    name = _NUMBER.sub("0", tensor.name)  # which says the same of many layers and experts
    found = _found(name, tensor.module, len(tensor.shape) < 2)
    if found is not None and found.holds == _SCALE and tensor.is_integer:  # exponents, as MXFP4's
        return Known(found.word, found.holds, None, found.is_buffer)
    return found


@functools.lru_cache(maxsize=1 << 16)
def _found(name: str, module: str | None, is_vector: bool) -> Known | None:
    module_type = module or ""
    return (
        _named(name)
        or _of_module(name, module_type)
        or _of_frozen_norm(name, module_type)
        or _of_norm(name, module, is_vector)
    )


def _named(name: str) -> Known | None:
    segments = re.split("[./]", name)
    if len(segments) > 1 and segments[-1] in ("value", "raw_value"):  # of flax's nnx
        segments.pop()
    if (found := _last(segments[-1])) is not None:
        return found
    for expression, holds, initializer in _compiled():
        if match := expression.search(name):
            word = re.split("[./]", match[1])[0]
            return _known(word, f"**.{word}.**", holds, initializer)
    return None


def _last(segment: str) -> Known | None:
    for expression, holds, initializer in _BUFFERS:
        if re.fullmatch(expression, segment):
            return _known(segment, f"**.{segment}", holds, initializer, is_buffer=True)
    return None


@functools.cache
def _compiled() -> tuple[tuple[re.Pattern[str], str, Initializer | None], ...]:
    return tuple(
        (re.compile(rf"(?:^|[./])({expression})(?:[./]|$)"), holds, initializer)
        for expression, holds, initializer in _PARAMETERS
    )


def _of_module(name: str, module: str) -> Known | None:
    for expression, holds in _MODULES:
        if expression.fullmatch(module):
            words = [each for each in re.split("[./]", name) if each not in ("weight", "scale")]
            return _known(words[-1] if words else name, name, holds, None)
    return None


def _of_frozen_norm(name: str, module: str) -> Known | None:
    """Return what is known of the parameters of a norm that are buffers."""
    last = re.split("[./]", name)[-1]
    if "FrozenBatchNorm" not in module or last not in _FROZEN:
        return None
    return _known(last, f"**.{last}", "part of a frozen norm", _FROZEN[last], is_buffer=True)


def _of_norm(name: str, module: str | None, is_vector: bool) -> Known | None:
    """Return what is known of a parameter of a norm that no common rule is for."""
    match = _NORM.fullmatch(name)
    if match is None or "Norm" not in (module or "Norm"):
        return None
    last, pattern = match[1], f"**norm*.{match[1]}"
    if last in ("weight", "scale", "gamma", "bias", "beta") and is_vector:
        return None
    if last in _NORM_ONES:
        return _known("norm", pattern, _NORM_SCALE, Constant(1))
    if last in _NORM_ZEROS:
        return _known("norm", pattern, "bias of a norm", Constant(0))
    if is_vector:
        return _known(last, pattern, "parameter of a norm", None)
    return None


@functools.lru_cache(maxsize=4096)
def _known(
    word: str, pattern: str, holds: str, initializer: Initializer | None, *, is_buffer: bool = False
) -> Known:
    """Return the same object for the same tensors, so that explanations group them by its rule."""
    rule = None if initializer is None else Rule(pattern, initializer, assumes=holds)
    return Known(word, holds, rule, is_buffer)
