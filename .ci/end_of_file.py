"""End every named text file in exactly one newline, and exit with 1 if one had to be corrected."""

import sys
from pathlib import Path

changed = []
for name in sys.argv[1:]:
    before = Path(name).read_bytes()
    after = before.rstrip(b"\r\n") + b"\n" if before.strip(b"\r\n") else b""
    if after != before:
        Path(name).write_bytes(after)
        changed.append(name)
print("\n".join(f"corrected {name}" for name in changed))
sys.exit(bool(changed))
