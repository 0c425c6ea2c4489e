"""What our programs call things in Redis; keys come after the prefix."""

GROUP = "soc-workers"
RELEASED = "__released"
KEY_TYPES = {
    "threats:stream": "stream", "threats:log": "stream", "threats:dead": "stream", "context:log": "stream",
    "threats:by_created": "zset", "threats:workers": "hash", "infra:events": "hash", "intel:lists": "hash", "incidents": "hash",
    "threats:completed": "string", "threats:failed": "string", "threats:lease": "string", "threats:upkeep": "string",
    "threats:quarantine": "string", "threats:reaping": "string", "threats:sweep": "string",
}
