# What type checkers see of this package: __init__.py imports some of it when it is first used.
from fastinit.arrays.digest import digest as digest
from fastinit.arrays.dlpack import to_dlpack as to_dlpack
from fastinit.checkpoints.diff import diff as diff
from fastinit.guide.activations.activation import activation as activation
from fastinit.guide.activations.gain import gain as gain
from fastinit.guide.describe import describe as describe
from fastinit.guide.models.recommend_recipe import recommend_recipe as recommend_recipe
from fastinit.guide.propagation.propagate import propagate as propagate
from fastinit.guide.recommend import recommend as recommend
from fastinit.initializers import *
from fastinit.manifests.manifest import Manifest as Manifest
from fastinit.manifests.manifest import list_models as list_models
from fastinit.native.cpu import get_num_threads as get_num_threads
from fastinit.native.cpu import set_num_threads as set_num_threads
from fastinit.native.cuda import cuda_status as cuda_status
from fastinit.native.info import info as info
from fastinit.plans.files import load_plan as load_plan
from fastinit.plans.files import verify as verify
from fastinit.plans.plan import Plan as Plan
from fastinit.plans.sparse_recipe import sparse_recipe as sparse_recipe
from fastinit.plans.transfer import resize_vocabulary as resize_vocabulary
from fastinit.plans.transfer import transfer as transfer
from fastinit.plans.transfer import upcycle as upcycle
from fastinit.process_seed import seed as seed
from fastinit.recipes.budgets import erk as erk
from fastinit.recipes.depth import fixup as fixup
from fastinit.recipes.depth import hanin_rolnick as hanin_rolnick
from fastinit.recipes.parameter import Parameter as Parameter
from fastinit.recipes.recipe import Recipe as Recipe
from fastinit.recipes.recipe import list_recipes as list_recipes
from fastinit.recipes.recipe import recipe as recipe
from fastinit.recipes.rule import Rule as Rule
from fastinit.repeated_streams import RepeatedStreamWarning as RepeatedStreamWarning
from fastinit.streams import STREAM_VERSION as STREAM_VERSION
from fastinit.streams import Stream as Stream

__version__: str
