"""Where manifests come from: files, torch modules, trees of shapes."""
