"""Write values into the memory of torch tensors, whatever their strides, dtype or device.

A contiguous tensor on the CPU or on a CUDA GPU is filled in place, and so is one whose rows are
apart. Any other tensor (transposed, channels last, lazily conjugated, on another device, or on a
GPU without fastinit's CUDA part) gets its values through a CPU buffer of bounded size, so that
every element equals that of a contiguous tensor.
"""
