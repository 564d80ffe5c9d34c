"""Faults that happened to users, one file each; its first lines say what happens and what is right."""

import sys
from pathlib import Path

# The tests' own modules (`runs`, `styled`) also where one file is run by itself.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
