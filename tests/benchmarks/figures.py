"""Where benchmarks say what they measured."""

import platform


class Figures:
    """Lines for a person, printed whatever pytest captures."""

    def __init__(self, capsys, title: str) -> None:
        self._capsys = capsys
        self.say(f"\n{title}, on {platform.machine()} with Python {platform.python_version()}")

    def say(self, line: str) -> None:
        with self._capsys.disabled():
            print(f"  {line}")  # noqa: T201
