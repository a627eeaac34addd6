"""Plans: a manifest, a recipe and a seed, resolved into what is drawn for every tensor."""
