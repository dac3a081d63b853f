"""What is measured: tasks, budgets, the degradation from HR to LR, protocols of papers."""
