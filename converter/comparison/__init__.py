"""Networks side by side: parameters, cost, accuracy, time."""
