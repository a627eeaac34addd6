"""LSUV: weights are rescaled, layer by layer, until every layer's output has unit variance.

Mishkin and Matas, "All you need is a good init", ICLR 2016, arXiv 1511.06422. The paper runs the
model once for every layer and round. Here a layer is rescaled, and it alone runs again, when the
model calls it, so all later layers see its final output. One pass of the model settles all layers
that it calls once; only a layer that it calls several times needs more.
"""
