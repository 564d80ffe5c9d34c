"""`python -m gaxjax` is the command `gaxjax`."""

import sys

from gaxjax.cli import main

if __name__ == "__main__":
    sys.exit(main())
