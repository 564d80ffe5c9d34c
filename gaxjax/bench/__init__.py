"""How fast a recipe trains, what it needs of memory, and what its networks are made of; nothing is kept."""
