"""What happens when in a training: the learning rate, and validation."""

from __future__ import annotations

import math

from benchmark.protocol.budgets import Budget


def learning_rate(budget: Budget, step: int) -> float:
    """Linear warm-up, then half a cosine down to zero (Loshchilov and Hutter, ICLR 2017)."""
    if step < budget.warmup:
        return budget.learning_rate * (step + 1) / budget.warmup
    share = (step - budget.warmup) / max(1, budget.steps - budget.warmup)
    return budget.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def validation_steps(budget: Budget) -> frozenset[int]:
    """The steps after which val is scored."""
    count = min(budget.validations, budget.steps)
    return frozenset(round(budget.steps * (k + 1) / count) for k in range(count))
