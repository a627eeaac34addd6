"""fastinit for PyTorch: tensors filled in place, whatever their strides, dtype or device."""
