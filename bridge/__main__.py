"""``python -m bridge`` is ``mws-bridge``."""

import sys

from bridge.cli import main

sys.exit(main())
