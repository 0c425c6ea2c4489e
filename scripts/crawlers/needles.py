"""Needles: texts of which every match of a pattern contains at least one. They stand before the matching proper:
a user agent without the needle is not looked at any further. A needle is found by three of its bytes, its gram."""

from collections import Counter

GRAM = 3
GRAM_BITS = 16
MULTIPLIER = 0x9E3779B1
NEEDLE_MAX = 255


def hash_of(gram):
    """As crawlers.c reckons it."""
    return (int.from_bytes(gram, "little") * MULTIPLIER & 0xFFFFFFFF) >> (32 - GRAM_BITS)


def grams_of(text):
    return [text[i : i + GRAM] for i in range(len(text) - GRAM + 1)]


def of(tree):
    """The best set of needles, or None when a match may lack any."""
    if isinstance(tree, frozenset):
        return None
    if tree[0] == "sequence":
        return best([*runs(tree[1]), *(of(part) for part in tree[1])])
    if tree[0] == "choice":
        sets = [of(part) for part in tree[1]]
        return None if None in sets else [needle for needles in sets for needle in needles]
    return of(tree[1]) if tree[0] == "repeat" and tree[2] > 0 else None


def best(sets):
    """The set whose shortest needle is the longest; the first of equals."""
    return max((needles for needles in sets if needles), key=lambda needles: min(map(len, needles)), default=None)


def runs(parts):
    """Neighbours of one byte each, as sets of one needle."""
    found, run = [], b""
    for part in [*parts, None]:
        if isinstance(part, frozenset) and len(part) == 1:
            run += bytes(part)
            continue
        if len(run) >= GRAM:
            found.append([run[:NEEDLE_MAX]])
        run = b""
    return found


def choose_offsets(needles, user_agents):
    """For each needle the offset of the gram that ordinary user agents and other needles share least."""
    common = Counter(hash_of(gram) for user_agent in user_agents for gram in grams_of(user_agent))
    taken = Counter()
    offsets = []
    for needle in needles:
        hashes = [hash_of(gram) for gram in grams_of(needle)]
        offset = min(range(len(hashes)), key=lambda i: (common[hashes[i]] + 100 * taken[hashes[i]], i))
        taken[hashes[offset]] += 1
        offsets.append(offset)
    return offsets
