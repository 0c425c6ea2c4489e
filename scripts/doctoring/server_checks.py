"""The server: version, role, memory, persistence, replicas, limits."""

from doctoring.finding import ERROR, NOTE, WARNING, Finding

MEMORY_WARNING, MEMORY_ERROR = 0.80, 0.95
REPLICA_LAG_S = 10
SLOW_ENTRIES, SLOW_US, SLOW_WINDOW_S = 10, 10_000, 3600


def version(seen):
    number = seen.info["redis_version"]
    if tuple(int(part) for part in number.split(".")[:2]) < (7, 0):
        yield Finding("redis-version", ERROR, f"Redis is {number}", "the scripts need the flags and XINFO fields of 7.0", "run Redis 7.0 or later")


def role(seen):
    if seen.info["role"] != "master":
        yield Finding(
            "not-master", ERROR, "this Redis is a replica", "it refuses every write, so no signal can be taken",
            "point REDIS_URL at the master, or at the Sentinels: redis+sentinel://h1:26379,h2:26379/mymaster/0",
        )


def memory(seen):
    used, most = seen.info["used_memory"], seen.info["maxmemory"]
    if most == 0:
        yield Finding(
            "no-maxmemory", WARNING, "maxmemory is not set", "Redis grows until the system kills it, and the APIs cannot refuse signals in time",
            "redis-cli CONFIG SET maxmemory SIZE, about 70 % of what the machine or container has",
        )
    elif used / most >= MEMORY_WARNING:
        severity = ERROR if used / most >= MEMORY_ERROR else WARNING
        yield Finding(
            "memory-near-limit", severity, f"{used / most:.0%} of maxmemory is used", "the APIs refuse signals from SOC_MEMORY_LIMIT_PERCENT on",
            "raise maxmemory, keep less (SOC_RETENTION_THREATS, SOC_RETENTION_DAYS), or empty threats:dead; workers go on draining meanwhile",
        )
    policy = seen.info["maxmemory_policy"]
    if policy != "noeviction":
        yield Finding(
            "eviction-policy", ERROR, f"maxmemory-policy is {policy}", "Redis would throw away the queue, or results, without a word",
            "redis-cli CONFIG SET maxmemory-policy noeviction",
        )


def persistence(seen):
    replicas = seen.info["connected_slaves"]
    if not seen.info["aof_enabled"]:
        yield Finding(
            "no-append-only", WARNING if replicas else ERROR, "appendonly is off", "a crash of Redis loses what came since the last snapshot",
            "redis-cli CONFIG SET appendonly yes",
        )
    elif seen.config and seen.config.get("appendfsync") == "no":
        yield Finding(
            "fsync-never", WARNING, "appendfsync is no", "a power cut loses what the kernel had not written, often 30 s",
            "redis-cli CONFIG SET appendfsync everysec (or always, with fewer signals a second)",
        )
    if seen.info.get("aof_last_write_status", "ok") != "ok" or seen.info.get("aof_last_bgrewrite_status", "ok") != "ok":
        yield Finding(
            "append-only-failed", ERROR, "the last write or rewrite of the append-only file failed", "Redis refuses writes while the disk does",
            "look at the disk (df) and at Redis' log",
        )
    if seen.info.get("rdb_last_bgsave_status", "ok") != "ok":
        yield Finding(
            "snapshot-failed", WARNING, "the last snapshot failed", "with stop-writes-on-bgsave-error Redis refuses writes; replicas cannot start",
            "look at the disk, at free memory (fork) and at Redis' log, then redis-cli BGSAVE",
        )


def replicas(seen):
    rows = [value for name, value in seen.info.items() if name.startswith("slave") and isinstance(value, dict)]
    online = [row for row in rows if row.get("state") == "online" and int(row.get("lag", 0)) <= REPLICA_LAG_S]
    if len(online) < len(rows):
        yield Finding(
            "replica-behind", WARNING, f"{len(rows) - len(online)} of {len(rows)} replicas are not in step", "they confirm no signal and are poor successors",
            "look at the replicas' logs and their link to the master (INFO replication)",
        )
    if len(online) < seen.wait_replicas:
        yield Finding(
            "too-few-replicas", ERROR, f"{len(online)} replicas are in step, SOC_WAIT_REPLICAS is {seen.wait_replicas}",
            "every POST is answered with 503", "bring the replicas back, or lower SOC_WAIT_REPLICAS",
        )
    if rows and seen.config and seen.config.get("min-replicas-to-write", "0") == "0":
        yield Finding(
            "writes-alone", NOTE, "min-replicas-to-write is 0", "a master that is cut off goes on taking writes that a failover throws away",
            "redis-cli CONFIG SET min-replicas-to-write 1",
        )


def limits(seen):
    if seen.config is None:
        yield Finding(
            "settings-hidden", NOTE, "CONFIG is not allowed here", "limits, fsync and replica settings were not looked at", "look at them where this server is managed",
        )
        return
    buffers = seen.config.get("client-output-buffer-limit", "")
    if "normal 0 0 0" in buffers:
        yield Finding(
            "output-unbounded", NOTE, "normal clients may have any amount of output waiting", "one that does not read can fill Redis' memory",
            "redis-cli CONFIG SET client-output-buffer-limit 'normal 64mb 32mb 30'",
        )
    if seen.config.get("tcp-keepalive") == "0":
        yield Finding("no-keepalive", NOTE, "tcp-keepalive is 0", "connections of dead clients stay for ever", "redis-cli CONFIG SET tcp-keepalive 15")


def slow_commands(seen):
    now_s = seen.now_ms / 1000
    slow = [row for row in seen.client.slowlog_get(128) if row["duration"] >= SLOW_US and now_s - row["start_time"] < SLOW_WINDOW_S]
    if len(slow) > SLOW_ENTRIES:
        worst = max(slow, key=lambda row: row["duration"])
        words = worst["command"]
        name = (words.decode(errors="replace") if isinstance(words, bytes) else str(words)).split(" ")[0]
        yield Finding(
            "slow-commands", NOTE, f"{len(slow)} commands took 10 ms or more in the last hour, the worst {worst['duration'] / 1000:.0f} ms",
            f"everybody waits meanwhile (the worst was {name})", "redis-cli SLOWLOG GET 10",
        )


CHECKS = [version, role, memory, persistence, replicas, limits, slow_commands]
