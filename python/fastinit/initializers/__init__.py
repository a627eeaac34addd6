"""Initializers: what to draw, one file per family, with its objects and its functions."""

import fastinit.initializers.bernoulli as _bernoulli
import fastinit.initializers.constant as _constant
import fastinit.initializers.factors as _factors
import fastinit.initializers.identity as _identity
import fastinit.initializers.mapped as _mapped
import fastinit.initializers.normal as _normal
import fastinit.initializers.orthogonal as _orthogonal
import fastinit.initializers.positions as _positions
import fastinit.initializers.presets as _presets
import fastinit.initializers.recurrent as _recurrent
import fastinit.initializers.sparse as _sparse
import fastinit.initializers.state_space as _state_space
import fastinit.initializers.structured as _structured
import fastinit.initializers.table as _table
import fastinit.initializers.truncated_normal as _truncated_normal
import fastinit.initializers.uniform as _uniform
import fastinit.initializers.variance_scaling as _variance_scaling
from fastinit.initializers.base import Initializer
from fastinit.initializers.bernoulli import *
from fastinit.initializers.constant import *
from fastinit.initializers.factors import *
from fastinit.initializers.identity import *
from fastinit.initializers.mapped import *
from fastinit.initializers.normal import *
from fastinit.initializers.orthogonal import *
from fastinit.initializers.positions import *
from fastinit.initializers.presets import *
from fastinit.initializers.recurrent import *
from fastinit.initializers.sparse import *
from fastinit.initializers.state_space import *
from fastinit.initializers.structured import *
from fastinit.initializers.table import *
from fastinit.initializers.truncated_normal import *
from fastinit.initializers.uniform import *
from fastinit.initializers.variance_scaling import *

__all__ = ["Initializer"]
__all__ += _bernoulli.__all__
__all__ += _constant.__all__
__all__ += _factors.__all__
__all__ += _identity.__all__
__all__ += _mapped.__all__
__all__ += _normal.__all__
__all__ += _orthogonal.__all__
__all__ += _positions.__all__
__all__ += _presets.__all__
__all__ += _recurrent.__all__
__all__ += _sparse.__all__
__all__ += _state_space.__all__
__all__ += _structured.__all__
__all__ += _table.__all__
__all__ += _truncated_normal.__all__
__all__ += _uniform.__all__
__all__ += _variance_scaling.__all__
