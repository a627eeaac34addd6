"""The functions of torch.nn.init that fastinit has, with the same names and arguments."""
