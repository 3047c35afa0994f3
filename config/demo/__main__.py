"""`make demo`: everything that `make run` starts, and images to look at."""

import os
import sys

from config import processes

os.environ["VIGIE_ADVISORIES_URL"] = ""  # it judges by advisories of its own, and needs no network

sys.exit(processes.main(processes.Part("demo", processes.on_terminal("config.demo.load"))))
