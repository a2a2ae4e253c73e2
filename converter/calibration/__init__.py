"""What turns logits into trustworthy probabilities, fitted on a validation split and written into the manifest."""
