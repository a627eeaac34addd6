"""Parts of tensors: each process fills its own part of the whole and communicates with nobody.

Every element is a function of its index in the whole tensor, so a process needs to know only which
part it holds. Fans are those of the whole tensor.
"""
