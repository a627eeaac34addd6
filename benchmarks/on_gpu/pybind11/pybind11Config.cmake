# What fastinit's build needs of pybind11, for machines that have only its headers, such as those inside PyTorch.
# FASTINIT_PYBIND11_INCLUDE is the folder that holds pybind11/pybind11.h.
function(pybind11_add_module name)
  list(REMOVE_ITEM ARGN NO_EXTRAS)
  Python_add_library(${name} MODULE WITH_SOABI ${ARGN})
  target_include_directories(${name} SYSTEM PRIVATE ${FASTINIT_PYBIND11_INCLUDE})
  set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET hidden CUDA_VISIBILITY_PRESET hidden)
endfunction()
