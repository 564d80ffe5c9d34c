"""Networks: Flax linen modules and the pure functions that they are made of."""
