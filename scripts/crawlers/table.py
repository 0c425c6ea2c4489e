"""Writes the claims as the C tables that shared/context/crawler_table.h declares."""

from crawlers import needles
from crawlers.claims import Refused

WORD_BITS = 32
MACHINES_MAX = 64
POOL_MAX = 65535
HEAD = """/* Made by scripts/compile-crawlers from the npm package crawler-user-agents (MIT). */
#include "shared/context/crawler_table.h"
"""


class Probe:
    def __init__(self, claim, needle, machine):
        self.claim, self.needle, self.machine = claim, needle, machine
        self.text = self.offset = self.hash = 0


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?") + '"'


def lines(items, per_line):
    items = list(items)
    return "".join("    " + ", ".join(items[i : i + per_line]) + ",\n" for i in range(0, len(items), per_line))


def array(head, items, per_line=20):
    return f"\n{head} = {{\n{lines(items, per_line)}}};\n"


def probes_of(claims, user_agents):
    """All needles, ordered by the bucket of their gram and then by claim, and the pool of their texts."""
    probes, machines, pool = [], 0, ""
    for number, claim in enumerate(claims):
        machines += claim.machine is not None
        probes += [Probe(number, needle, machines if claim.machine else 0) for needle in claim.needles]
    if machines > MACHINES_MAX or len(claims) > POOL_MAX:
        raise Refused(f"{machines} machines or {len(claims)} claims are more than crawlers.c takes")
    offsets = needles.choose_offsets([probe.needle for probe in probes], user_agents)
    for probe, offset in zip(probes, offsets):
        text = probe.needle.decode()
        if text not in pool:
            pool += text
        probe.text, probe.offset = pool.index(text), offset
        probe.hash = needles.hash_of(probe.needle[offset : offset + needles.GRAM])
    if len(pool) > POOL_MAX:
        raise Refused("the needles are longer than crawlers.c takes")
    return sorted(probes, key=lambda probe: (probe.hash // WORD_BITS, probe.claim)), pool


def write_claims(claims):
    rows = (
        f"{{{c_string(claim.name)}, {c_string(claim.pattern)}, "
        f"{c_string(claim.ranges) if claim.ranges else 'NULL'}, CRAWLER_KIND_{claim.kind.upper().replace('-', '_')}}}"
        for claim in claims
    )
    return array("const struct crawler_claim crawler_claims[]", rows, 1) + f"\nconst unsigned crawler_claim_count = {len(claims)};\n"


def write_probes(probes, pool):
    words = [0] * ((1 << needles.GRAM_BITS) // WORD_BITS)
    for probe in probes:
        words[probe.hash // WORD_BITS] |= 1 << probe.hash % WORD_BITS
    buckets = [probe.hash // WORD_BITS for probe in probes]
    starts = [sum(bucket < number for bucket in buckets) for number in range(len(words) + 1)]
    rows = (f"{{{p.text}, {p.claim}, {len(p.needle)}, {p.offset}, {p.machine}}}" for p in probes)
    pieces = [c_string(pool[i : i + 100]) for i in range(0, len(pool), 100)]
    return (
        array("const uint32_t crawler_grams[]", (f"{word:#x}" for word in words), 8)
        + array("const uint16_t crawler_starts[]", map(str, starts))
        + array("const struct crawler_probe crawler_probes[]", rows, 4)
        + "\nconst char crawler_needles[] =\n    " + "\n    ".join(pieces) + ";\n"
    )


def write_machines(claims):
    machines = [claim.machine for claim in claims if claim.machine]
    text = ""
    for number, (classes, rows) in enumerate(machines):
        text += array(f"static const uint8_t classes_{number}[]", map(str, classes), 32)
        text += array(f"static const uint8_t rows_{number}[]", (str(state) for row in rows for state in row), 32)
    return text + array(
        "const struct crawler_machine crawler_machines[]",
        (f"{{classes_{number}, rows_{number}, {len(rows[0])}}}" for number, (_, rows) in enumerate(machines)),
        4,
    )


def write(claims, user_agents):
    probes, pool = probes_of(claims, user_agents)
    return HEAD + write_claims(claims) + write_probes(probes, pool) + write_machines(claims)
