"""Training: random views of faces, recipes, the training loop, teachers and their votes."""
