"""Parts of scripts that the programs use as well, from shared/redis."""

import pathlib
import re

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def part(name):
    """shared/redis/NAME.lua.in with the parts that it includes, as scripts/embed-lua.cmake has it."""
    text = (REPOSITORY / f"shared/redis/{name}.lua.in").read_text(encoding="utf-8")
    return re.sub(r"^-- include shared/redis/([a-z_]+)\.lua\.in\n", lambda found: part(found[1]), text, flags=re.MULTILINE)
