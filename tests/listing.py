"""What is in a folder, to compare before and after."""

from __future__ import annotations

import os


def listing(folder):
    """Every file, folder and link below it, with its kind, mode and contents; links are not followed."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = os.path.join(place, name)
            status = os.lstat(path)
            content = os.readlink(path) if os.path.islink(path) else status.st_size
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    content = file.read()
            found[os.path.relpath(path, folder)] = (status.st_mode, content)
    return found
