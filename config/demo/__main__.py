import sys

from config import processes

sys.exit(processes.main(processes.Part("demo", processes.on_terminal("config.demo.load"))))
