"""Runs halmos, which clears displays that it has not begun: rich refuses that from version 14.1 on."""

import sys

from halmos.__main__ import main
from halmos.ui import UI

UI.clear_live = UI.stop_status
sys.exit(main())
