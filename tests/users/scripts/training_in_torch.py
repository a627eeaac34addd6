"""A convolutional network in PyTorch: its initialization, a training step, and a second run."""

import torch
from torch import nn

import fastinit
import fastinit.torch as init


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.head = nn.Linear(32, 10)
        self.apply(self.init_weights)

    def init_weights(self, module):
        if isinstance(module, nn.Conv2d):
            init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            init.trunc_normal_(module.weight, std=0.02)
            init.zeros_(module.bias)

    def forward(self, x):
        return self.head(self.features(x).mean(dim=(2, 3)))


# torch's own seed works as ever ...
torch.manual_seed(0)
first = Net()
torch.manual_seed(0)
assert torch.equal(first.head.weight, Net().head.weight)

# ... and a context draws every parameter from its name.
with init.accelerate(seed=0):
    model = Net()
with init.accelerate(seed=0):
    again = Net()
for ours, theirs in zip(model.parameters(), again.parameters()):
    assert torch.equal(ours, theirs)

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
images, labels = torch.randn(8, 3, 16, 16), torch.randint(10, (8,))
losses = []
for _ in range(5):
    loss = nn.functional.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert losses[-1] < losses[0]

# By hand, with one Stream and the names of the parameters.
stream = fastinit.Stream(0)
for name, parameter in model.named_parameters():
    if parameter.ndim > 1:
        init.xavier_uniform_(parameter, seed=stream(name))
expected = fastinit.xavier_uniform((10, 32), seed=0, name="head.weight")
assert (model.head.weight.detach().numpy() == expected).all()

# A tensor that exists is filled by out=, whatever it belongs to.
weight = torch.empty(64, 64)
fastinit.orthogonal((64, 64), seed=stream("extra"), out=weight)
assert torch.allclose(weight @ weight.T, torch.eye(64), atol=1e-5)

# A whole model by rules.
init.init_(model, [("**.bias", fastinit.Constant(0)), ("**", fastinit.Normal(std=0.02))], seed=1)
assert model.features[0].bias.abs().max() == 0
