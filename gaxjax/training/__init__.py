"""The loop, its chapters, and what interrupts it."""
