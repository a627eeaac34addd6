"""Requests, the dtypes and boxes that they speak of, and the native code that draws them."""
