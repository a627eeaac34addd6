"""The functions of torch.nn.init."""
