"""The loop, its bookkeeping, and what interrupts it."""
