"""A text file ends in exactly one newline: correct those that are named, and exit with 1 if there were any."""

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
