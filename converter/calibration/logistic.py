"""Logistic regression, as far as the rules for faces need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def logistic(
    table: NDArray[np.float64], sign: NDArray[np.float64], weight: NDArray[np.float64], penalty: float
) -> tuple[float, NDArray[np.float64]]:
    """Return bias and weights ``(k,)`` of the log-odds that a row of ``table`` ``(n, k)`` has the sign +1.

    ``sign`` ``(n,)`` is +1 or -1; the rows' ``weight`` ``(n,)`` sum to 1. Columns are standardised for the ``penalty``
    on squared weights, and the result is written out for the columns as they are.
    """
    from scipy.optimize import minimize

    mean, deviation = table.mean(axis=0), table.std(axis=0) + 1e-9
    standard = (table - mean) / deviation

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (values[0] + standard @ values[1:])
        slope = -sign * weight / (1 + np.exp(np.minimum(margin, 500)))
        total = float((weight * np.logaddexp(0, -margin)).sum() + penalty * (values[1:] ** 2).sum())
        return total, np.concatenate([[slope.sum()], standard.T @ slope + 2 * penalty * values[1:]])

    start = np.zeros(1 + table.shape[1])
    made = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000}).x
    weights = made[1:] / deviation
    return float(made[0] - (weights * mean).sum()), weights
