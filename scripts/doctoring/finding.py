"""One thing that is not as it should be."""

from collections import namedtuple

ERROR, WARNING, NOTE = "error", "warning", "note"

# `id` is stable, for programs; `what` is seen, `why` it matters, `do` is what helps.
Finding = namedtuple("Finding", "id severity what why do")
