"""Entry point of ``python -m converter``, the same as ``face-convert``."""

import sys

from converter.cli import main

if __name__ == "__main__":
    sys.exit(main())
