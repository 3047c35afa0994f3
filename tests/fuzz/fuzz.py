"""Fuzz one parser with atheris: `python tests/fuzz/fuzz.py TARGET [libFuzzer's options]`.

Findings and the growing corpus lie in a folder of the target's name below `fuzz/` (or below what
`FUZZ_FOLDER` names), which starts with the seeds.
"""

import os
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
with atheris.instrument_imports(include=["findings", "registries", "scans"]):
    from tests.fuzz import seeds, targets


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in targets.TARGETS:
        sys.exit("Name a target: " + " ".join(sorted(targets.TARGETS)))
    target = sys.argv.pop(1)
    folder = Path(os.environ.get("FUZZ_FOLDER", "fuzz")).resolve()
    seeds.write(folder)
    corpus = folder / target
    corpus.mkdir(exist_ok=True)
    options = ["-timeout=20", "-rss_limit_mb=1024", f"-artifact_prefix={folder}/{target}-"]
    atheris.Setup([sys.argv[0], *options, *sys.argv[1:], str(corpus)], targets.TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
