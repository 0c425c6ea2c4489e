"""What the checks look at, each thing asked once, in bounded steps. Times are in ms by Redis' own clock."""

import time
from functools import cached_property

import redis

from doctoring import skipped
from doctoring.names import GROUP, KEY_TYPES

PAGE = 1000
PENDING_MAX = 10_000
LETTERS_MAX = 10_000
SAMPLE = 500
LOG_ROWS_MAX = 500_000


def id_ms(entry):
    return int(entry.partition("-")[0])


class Examination:
    def __init__(self, client, prefix="", wait_replicas=0, look_s=2):
        self.client = client
        self.prefix = prefix
        self.wait_replicas = wait_replicas
        self.look_s = look_s

    def key(self, name):
        return self.prefix + name

    @cached_property
    def info(self):
        return self.client.info("everything")

    @cached_property
    def config(self):
        """None where CONFIG is not allowed, as with managed servers."""
        try:
            return self.client.config_get("*")
        except redis.ResponseError:
            return None

    @cached_property
    def now_ms(self):
        seconds, micros = self.client.time()
        return seconds * 1000 + micros // 1000

    @cached_property
    def types(self):
        pipe = self.client.pipeline(transaction=False)
        for name in KEY_TYPES:
            pipe.type(self.key(name))
        return dict(zip(KEY_TYPES, pipe.execute()))

    def is_stream(self, name):
        return self.types[name] == "stream"

    def sample(self):
        """The queue at one instant: None without stream or group."""
        if not self.is_stream("threats:stream"):
            return None
        pipe = self.client.pipeline(transaction=True)
        pipe.xinfo_stream(self.key("threats:stream"))
        pipe.xinfo_groups(self.key("threats:stream"))
        pipe.mget(self.key("threats:completed"), self.key("threats:failed"))
        stream, groups, (completed, failed) = pipe.execute()
        group = next((row for row in groups if row["name"] == GROUP), None)
        return {"stream": stream, "groups": groups, "group": group, "completed": completed, "failed": failed}

    @cached_property
    def looks(self):
        """Two samples and the heartbeats beside them, some time apart: what moves is alive."""
        first = self._look()
        time.sleep(self.look_s)
        return first, self._look()

    def _look(self):
        beats = self.client.hgetall(self.key("threats:workers")) if self.types["threats:workers"] == "hash" else {}
        return self.sample(), beats

    @property
    def queue(self):
        return self.looks[1][0]

    @property
    def alive(self):
        """Names of the workers whose counter moved between the looks."""
        before, after = self.looks[0][1], self.looks[1][1]
        return {name for name, beat in after.items() if before.get(name) != beat}

    @property
    def beating(self):
        return set(self.looks[1][1])

    @cached_property
    def consumers(self):
        if self.queue is None or self.queue["group"] is None:
            return []
        return self.client.xinfo_consumers(self.key("threats:stream"), GROUP)

    @cached_property
    def pending(self):
        """The oldest pending entries: dicts with message_id, consumer, times_delivered."""
        if self.queue is None or self.queue["group"] is None or self.queue["group"]["pending"] == 0:
            return []
        return self.client.xpending_range(self.key("threats:stream"), GROUP, "-", "+", PENDING_MAX)

    @cached_property
    def deleted_pending(self):
        """Ids that are pending although the stream no longer holds them."""
        ids = [row["message_id"] for row in self.pending[:PAGE]]
        pipe = self.client.pipeline(transaction=False)
        for entry in ids:
            pipe.xrange(self.key("threats:stream"), entry, entry)
        return [entry for entry, found in zip(ids, pipe.execute()) if not found] if ids else []

    @cached_property
    def skipped(self):
        """None without a group."""
        if self.queue is None or self.queue["group"] is None:
            return None
        return skipped.look(self.client, self.prefix)

    @cached_property
    def dead_reasons(self):
        reasons = {}
        if self.is_stream("threats:dead"):
            for _, letter in self.client.xrevrange(self.key("threats:dead"), count=LETTERS_MAX):
                reason = (letter or {}).get("reason", "?")
                reasons[reason] = reasons.get(reason, 0) + 1
        return reasons

    def records(self, ids):
        """For each id: (is there a record, is it finished)."""
        pipe = self.client.pipeline(transaction=False)
        for id_ in ids:
            pipe.exists(self.key(f"threat:{id_}"))
            pipe.hexists(self.key(f"threat:{id_}"), "data")
        answers = pipe.execute(raise_on_error=False)
        return [(there is True or there == 1, done is True or done == 1) for there, done in zip(answers[::2], answers[1::2])]

    @cached_property
    def stored_ids(self):
        """The oldest and the newest of the index."""
        if self.types["threats:by_created"] != "zset":
            return []
        key = self.key("threats:by_created")
        return list(dict.fromkeys(self.client.zrange(key, 0, SAMPLE - 1) + self.client.zrevrange(key, 0, SAMPLE - 1)))

    @cached_property
    def log_ids(self):
        """Ids that the log names; None when it is too long to read."""
        key = self.key("threats:log")
        if not self.is_stream("threats:log"):
            return set()
        if self.client.xlen(key) > LOG_ROWS_MAX:
            return None
        ids, position = set(), "-"
        while rows := self.client.xrange(key, position, count=PAGE * 10):
            ids.update(fields.get("id") for _, fields in rows)
            position = "(" + rows[-1][0]
        return ids
