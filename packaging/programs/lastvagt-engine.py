"""The frozen engine and command line."""

import sys

from engine.__main__ import main

sys.exit(main())
