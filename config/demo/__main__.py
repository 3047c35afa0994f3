"""`make demo`: everything that `make run` starts, and images to look at."""

import os
import sys

from config import processes

# It judges by advisories of its own, and needs no network.
for name in ("VIGIE_ADVISORIES_URL", "VIGIE_EXPLOITED_URL", "VIGIE_EPSS_URL"):
    os.environ[name] = ""

sys.exit(processes.main(processes.Part("demo", processes.on_terminal("config.demo.load"))))
