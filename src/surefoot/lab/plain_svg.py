"""SVG without styles in it: pages whose policy allows no inline style would drop them, and complain of each.

    plain_svg('<svg …><path style="stroke: var(--ink)"/></svg>')    # <path stroke="var(--ink)"/>

Every declaration becomes the presentation attribute of its name, which looks the same.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_FONT = re.compile(r"(?:(?P<weight>bold|\d{3}) )?(?P<size>[\d.]+px) (?P<family>.+)")
_FOR_ALL = re.compile(r"\*\s*\{([^}]*)\}")


def plain_svg(svg: str) -> str:
    """The same drawing; a `<style>` for all elements becomes attributes of the root, which they inherit.

    Args:
        svg: as `inline_svg` makes it.
    """
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{_SVG}}}style":
                parent.remove(child)
                for name, value in declarations(" ".join(_FOR_ALL.findall(child.text or ""))):
                    root.attrib.setdefault(name, value)
        for name, value in declarations(parent.attrib.pop("style", "")):
            parent.set(name, value)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    return ElementTree.tostring(root, encoding="unicode")


def declarations(style: str) -> Iterator[tuple[str, str]]:
    """Names and values; the shorthand `font`, which is no attribute, in its parts."""
    for declaration in style.split(";"):
        name, colon, value = (part.strip() for part in declaration.partition(":"))
        if name == "font" and (font := _FONT.fullmatch(value)):
            yield from ((f"font-{part}", found) for part, found in font.groupdict().items() if found)
        elif colon and name and value:
            yield name, value
