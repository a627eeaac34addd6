# What type checkers see of this package: they do not follow how __init__.py puts __all__ together.
from fastinit.initializers.base import Initializer as Initializer
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
