"""Reads the package and our table of published ranges; puts the patterns in the order in which they win."""

import json
import re

from crawlers import machine, needles, pattern

# The first that a pattern's tags name is its kind: tools before crawlers, narrow purposes before wide ones.
KIND_ORDER = (
    "scanner",
    "browser-automation",
    "http-library",
    "search-engine",
    "feed-reader",
    "social-preview",
    "monitoring",
    "archiver",
    "academic",
    "ai-crawler",
    "advertising",
    "seo",
)


class Refused(Exception):
    """The package or our table holds what the compiler cannot take."""


class Claim:
    def __init__(self, row, ranges, place):
        self.pattern = row["pattern"]
        self.kind = kind_of(row.get("tags", []))
        self.ranges = ranges
        self.tree = pattern.read(self.pattern)
        self.name = name_of(self.tree)
        self.literal = pattern.literal_of(self.tree)
        self.needles = needles.of(self.tree)
        if self.needles is None:
            raise pattern.Unknown(f"has no {needles.GRAM} bytes that each match contains")
        self.machine = None
        if self.literal is None or len(self.literal) > needles.NEEDLE_MAX:
            self.machine = machine.compile_tree(self.tree)
        self.rank = (ranges is None, -pattern.least_width(self.tree), place)


def kind_of(tags):
    unknown = set(tags) - set(KIND_ORDER)
    if unknown:
        raise pattern.Unknown(f"has the tag {min(unknown)}")
    return next((tag for tag in KIND_ORDER if tag in tags), "other")


def name_of(tree):
    """What people would call it: the texts of the first alternative, without versions, slashes and addresses."""
    written = texts_of(tree).split(" (")[0].removeprefix("https://")
    words = [word.strip("/.:;,!@()[]_- ") for word in re.split(r"[\0 ]+", written)]
    return " ".join(word for word in words if word) or texts_of(tree).replace("\0", "")


def texts_of(tree):
    """NUL stands where a pattern does not say one certain byte."""
    if isinstance(tree, frozenset):
        letters = {chr(byte).upper() for byte in tree}
        return letters.pop() if len(tree) == 2 and len(letters) == 1 else chr(min(tree)) if len(tree) == 1 else "\0"
    if tree[0] == "sequence":
        return "".join(texts_of(part) for part in tree[1])
    if tree[0] == "choice":
        return next((text for text in map(texts_of, tree[1]) if text), "")
    return "\0" if tree[0] == "repeat" else ""


def ranges_by_pattern(path):
    published = json.loads(path.read_text())
    return {found: name for name, row in published.items() for found in row["patterns"]}


def read(package, published):
    """The claims, winners first: those whose operator publishes ranges, then by their least width."""
    rows = json.loads(package.read_text())
    ranges = ranges_by_pattern(published)
    claims = []
    for place, row in enumerate(rows):
        try:
            claims.append(Claim(row, ranges.pop(row["pattern"], None), place))
        except pattern.Unknown as fault:
            raise Refused(f"{package.name}: the pattern {row['pattern']} {fault}") from fault
    if ranges:
        raise Refused(f"{published.name}: {package.name} has no pattern {min(ranges)}")
    return sorted(claims, key=lambda claim: claim.rank)


def instances(package):
    return [text.encode() for row in json.loads(package.read_text()) for text in row["instances"]]
