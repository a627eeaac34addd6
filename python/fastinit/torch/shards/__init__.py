"""Parts of tensors: DTensors, and shards whose position the caller knows."""
