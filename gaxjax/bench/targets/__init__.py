"""What a recipe's step costs on hardware that is not here: compiled, read and bounded; nothing runs."""
