"""The fault tests by name, each with its two sizes."""

import dataclasses

import faults_of_apis as apis
import faults_of_clients as clients
import faults_of_clocks as clocks
import faults_of_entries as entries
import faults_of_network as network
import faults_of_poison as poison
import faults_of_redis as redis
import faults_of_replicas as replicas
import faults_of_versions as versions
import faults_of_workers as workers

REST_S = 60  # full: memory may take that long to be back
SOON_S = 5


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    run: object
    short: dict
    full: dict
    case: str = ""
    only_full: bool = False  # another case of the same test stands for it in the short run

    @property
    def label(self):
        return f"{self.name} {self.case}".strip()

    @property
    def about(self):
        return self.run.__doc__.strip().split("\n")[0]

    def size(self, short):
        return {"rest_s": SOON_S if short else REST_S, **(self.short if short else {**self.short, **self.full})}


def row(name, run, short, case="", only_full=False, **full):
    return Row(name, run, short, full, case, only_full)


ROWS = [
    row("F1", workers.killed_at_random, dict(kills=10, pause_s=0.6, rate=1500, signals=4000, seed=1), kills=250, pause_s=2, signals=150_000),
    row("F2", workers.all_killed, dict(signals=6000), signals=300_000),
    row("F3", workers.stopped_in_turn, dict(rollouts=1, rate=1500), rollouts=34),
    row("F4", workers.frozen_and_thawed, dict(freezes=2, frozen_s=1.8, suspect_ms=900, rate=1000), "short", only_full=True, freezes=30),
    row("F4", workers.frozen_and_thawed, dict(freezes=1, frozen_s=4.5, suspect_ms=3000, rate=1000), "long", freezes=5, frozen_s=30),
    row("F5", redis.killed, dict(mode="always", kills=1, rate=1000, between_s=0.5), "always", kills=10, rate=2000, between_s=2),
    row("F5", redis.killed, dict(mode="everysec", kills=1, rate=1000, between_s=0.5), "everysec", kills=10, rate=2000, between_s=2),
    row("F5", redis.killed, dict(mode="none", kills=1, rate=1000, between_s=0.5), "none", kills=5, rate=2000, between_s=2),
    row("F6", redis.emptied, dict(act="flushall", times=1, rate=1000, between_s=1), "FLUSHALL", times=5),
    row("F6", redis.emptied, dict(act="stream", times=1, rate=1000, between_s=1), "DEL stream", times=5),
    row("F6", redis.emptied, dict(act="group", times=1, rate=1000, between_s=1), "XGROUP DESTROY", times=5),
    row("F6", redis.emptied, dict(act="scripts", times=3, rate=1000, between_s=0.3), "SCRIPT FLUSH", only_full=True, times=20),
    row("F6", redis.emptied, dict(act="type", times=1, rate=1000, between_s=1, broken_s=2), "wrong type", times=5),
    row("F7", replicas.failed_over, dict(act="killed", rate=500, between_s=1), "killed", rate=2000, between_s=10),
    row("F7", replicas.failed_over, dict(act="stopped", only_full=True, rate=500, between_s=1), "stopped", rate=2000, between_s=10),
    row("F7", replicas.failed_over, dict(act="paused", only_full=True, rate=500, between_s=1), "paused", rate=2000, between_s=10),
    row("F7", replicas.failed_over_and_back, dict(times=1, rate=300), "all replicas", times=4, rate=1000),
    row("F8", network.partitioned, dict(who="workers", times=1, cut_s=4, rate=800), "workers", times=4, cut_s=60),
    row("F8", network.partitioned, dict(who="apis", times=1, cut_s=4, rate=800), "APIs", only_full=True, times=4, cut_s=60),
    row("F8", network.partitioned, dict(who="requests", times=1, cut_s=4, rate=800), "one way to Redis", only_full=True, times=2, cut_s=60),
    row("F8", network.partitioned, dict(who="replies", times=1, cut_s=4, rate=800), "one way from Redis", times=2, cut_s=60),
    row("F8", replicas.replica_cut_off, dict(cuts=2, cut_s=1, rate=500), "a replica", cuts=6, cut_s=20),
    row("F9", network.far_away, dict(rate=600, lasts_s=2), "50 ms", lasts_s=30),
    row("F9", network.losing, dict(rate=600, lasts_s=2), "5 % loss", lasts_s=30),
    row("F9", network.narrow, dict(rate=200, lasts_s=2), "1 Mbit/s", only_full=True, lasts_s=20),
    row("F10", clients.slow_readers, dict(clients=50, signals=3000, rate=1000, queue_bytes=262144), clients=200, signals=20_000),
    row("F11", clients.reconnect_storm, dict(clients=300, rate=100), clients=9_000, rate=4),
    row("F12", redis.out_of_memory, dict(signals=12000, rate=500, restarted=False, drain_s=10), "drains", signals=100_000, drain_s=60),
    row("F12", redis.out_of_memory, dict(signals=2000, rate=500, restarted=True, drain_s=10), "new workers", only_full=True, signals=20_000, drain_s=60),
    row("F13", poison.out_of_memory_killed, dict(poisons=1, rate=500, limit_bytes=64 << 20), poisons=10),
    row("F14", clocks.skewed, dict(steps=1, rate=800), steps=20),
    row("F15", poison.crashing, dict(poisons=1, rate=500), "crash", poisons=20),
    row("F15", poison.hanging, dict(poisons=1, rate=500), "endless", poisons=5),
    row("F15", poison.unreadable, dict(times=5, rate=500), "unreadable", times=1000),
    row("F16", entries.injected_entry, dict(entries=1, bytes=8 << 20, rate=500), "64 MB entry", entries=5, bytes=64 << 20),
    row("F16", entries.huge_requests, dict(bytes=64 << 20, tricklers=50, trickles=10, rate=500), "requests",
        bytes=1 << 30, tricklers=1000, trickles=200),
    row("F17", entries.trimmed_under_workers, dict(times=1, signals=500), times=20),
    row("F18", entries.group_skips_entries, dict(times=1, signals=500), times=20, signals=5000),
    row("F19", entries.poisoned_clock, dict(rate=800), rate=2000),
    row("F20", entries.crowd_of_consumers, dict(stale=300, blocked=300, rate=500), stale=10_000, blocked=4000),
    row("F21", entries.same_signal_at_once, dict(keys=6, copies=100, rate=500), "Redis killed", keys=100),
    row("F21", replicas.same_signal_across_failover, dict(keys=6, copies=100, rate=300, after_s=0.002), "failover", keys=40),
    row("F22", apis.killed_before_answering, dict(kills=4, rate=1000, seed=1), kills=100),
    row("F23", redis.rolled_back, dict(act="cut", times=1, rate=1000), "log cut", only_full=True, times=5),
    row("F23", redis.rolled_back, dict(act="gone", times=1, rate=1000), "log gone", times=5),
    row("F23", redis.rolled_back, dict(act="older", times=1, rate=1000), "restored", times=5),
    row("F25", apis.other_protocols, dict(idle=500, times=1, rate=500), idle=10_000, times=20),
    row("F26", versions.left_by_newer, dict(entries=3, rate=500, wait_s=1.5), "newer entries", entries=50, wait_s=10),
    row("F26", versions.mixed, dict(rollouts=2, rate=500, build=False), "two versions", rollouts=10, build=True),
]
