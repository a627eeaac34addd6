# %%
import numpy as np

import fastinit

rng = fastinit.Stream(42)

# %%
w = fastinit.he_normal((256, 128), seed=42)
w.std() * np.sqrt(128 / 2)

# %%
ws = {name: fastinit.he_normal((256, 128), seed=rng(name)) for name in ("q", "k", "v")}
assert not np.array_equal(ws["q"], ws["k"])

# %%
batch = fastinit.normal((64, 128), seed=rng)
(batch @ ws["q"].T).std()

# %%
relu = fastinit.HeNormal(nonlinearity="ReLU")
relu

# %%
relu((256, 128), seed=rng.child("decoder")("ffn.up.weight"), dtype="bf16").dtype

# %%
fastinit.uniform((256, 128), -0.1, 0.1, seed=42, name="w2").min()

# %%
help_text = fastinit.he_normal.__doc__
assert "seed" in help_text
