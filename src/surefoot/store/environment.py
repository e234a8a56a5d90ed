"""Where a study was run: enough to repeat it, nothing that tells who ran it.

No host name, user name or path is recorded: a report made from a store may be published.
"""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from surefoot import __version__

_PACKAGES = ("torch", "llvmlite", "numpy")


def environment() -> dict[str, Any]:
    """Return package versions, Python, platform, processor, its count of cores, and the git commit.

    A package which is not installed has version None; so has the commit outside a git repository.
    """
    return {
        "versions": {
            "python": platform.python_version(),
            "surefoot": __version__,
            **{name: _version(name) for name in _PACKAGES},
        },
        "platform": platform.platform(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "git_commit": _git_commit(),
    }


def _version(package: str) -> str | None:
    # The metadata is enough; importing torch only to ask it would take a second.
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """Return the model's name where Linux tells it, else what Python knows (often only the architecture)."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def _git_commit() -> str | None:
    command = ["git", "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
