"""docs/settings.md and config/settings.py say the same."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(r'env\.\w+\(\s*"([A-Z_]+)"')
DOCUMENTED = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)


def test_every_setting_that_is_read_is_documented_and_no_other() -> None:
    read = READ.findall((ROOT / "config" / "settings.py").read_text())
    documented = DOCUMENTED.findall((ROOT / "docs" / "settings.md").read_text())
    assert "DATABASE_URL" in read
    assert sorted(documented) == sorted(read)
