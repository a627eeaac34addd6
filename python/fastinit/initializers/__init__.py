"""Initializers: what to draw, one file per family, with its objects and its functions."""

import fastinit.initializers.adapters as _adapters
import fastinit.initializers.bernoulli as _bernoulli
import fastinit.initializers.constant as _constant
import fastinit.initializers.custom as _custom
import fastinit.initializers.discrete as _discrete
import fastinit.initializers.existing as _existing
import fastinit.initializers.factors as _factors
import fastinit.initializers.growth as _growth
import fastinit.initializers.identity as _identity
import fastinit.initializers.loaded as _loaded
import fastinit.initializers.mapped as _mapped
import fastinit.initializers.normal as _normal
import fastinit.initializers.normed as _normed
import fastinit.initializers.orthogonal as _orthogonal
import fastinit.initializers.positions as _positions
import fastinit.initializers.presets as _presets
import fastinit.initializers.product as _product
import fastinit.initializers.recurrent as _recurrent
import fastinit.initializers.sparse as _sparse
import fastinit.initializers.split as _split
import fastinit.initializers.stacked as _stacked
import fastinit.initializers.state_space as _state_space
import fastinit.initializers.structured as _structured
import fastinit.initializers.table as _table
import fastinit.initializers.transposed as _transposed
import fastinit.initializers.truncated_normal as _truncated_normal
import fastinit.initializers.uniform as _uniform
import fastinit.initializers.variance_scaling as _variance_scaling
import fastinit.initializers.zero as _zero
from fastinit.initializers.adapters import *
from fastinit.initializers.base import Initializer
from fastinit.initializers.bernoulli import *
from fastinit.initializers.constant import *
from fastinit.initializers.custom import *
from fastinit.initializers.discrete import *
from fastinit.initializers.existing import *
from fastinit.initializers.factors import *
from fastinit.initializers.growth import *
from fastinit.initializers.identity import *
from fastinit.initializers.loaded import *
from fastinit.initializers.mapped import *
from fastinit.initializers.normal import *
from fastinit.initializers.normed import *
from fastinit.initializers.orthogonal import *
from fastinit.initializers.positions import *
from fastinit.initializers.presets import *
from fastinit.initializers.product import *
from fastinit.initializers.recurrent import *
from fastinit.initializers.sparse import *
from fastinit.initializers.split import *
from fastinit.initializers.stacked import *
from fastinit.initializers.state_space import *
from fastinit.initializers.structured import *
from fastinit.initializers.table import *
from fastinit.initializers.transposed import *
from fastinit.initializers.truncated_normal import *
from fastinit.initializers.uniform import *
from fastinit.initializers.variance_scaling import *
from fastinit.initializers.zero import *

__all__ = ["Initializer"]
__all__ += _adapters.__all__
__all__ += _bernoulli.__all__
__all__ += _constant.__all__
__all__ += _custom.__all__
__all__ += _discrete.__all__
__all__ += _existing.__all__
__all__ += _factors.__all__
__all__ += _growth.__all__
__all__ += _identity.__all__
__all__ += _loaded.__all__
__all__ += _mapped.__all__
__all__ += _normal.__all__
__all__ += _normed.__all__
__all__ += _orthogonal.__all__
__all__ += _positions.__all__
__all__ += _presets.__all__
__all__ += _product.__all__
__all__ += _recurrent.__all__
__all__ += _sparse.__all__
__all__ += _split.__all__
__all__ += _stacked.__all__
__all__ += _state_space.__all__
__all__ += _structured.__all__
__all__ += _table.__all__
__all__ += _transposed.__all__
__all__ += _truncated_normal.__all__
__all__ += _uniform.__all__
__all__ += _variance_scaling.__all__
__all__ += _zero.__all__
