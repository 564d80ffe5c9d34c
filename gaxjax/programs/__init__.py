"""A stage of a recipe as what runs: its compiled program, what it is fed, and what is due when."""
