"""Dashboards that come, go and resume on either API while everything behind them is killed: each has heard exactly
what the log says, in its order, or was told to start over."""

import asyncio
import itertools
import json
import random
import threading
import time

import requests
import websockets

import pytest

from fleet import Fleet
from live_client import background
from processes import TIME_SCALE, wait_until
from sample_signals import varied

pytestmark = pytest.mark.plain

DASHBOARDS = 24
FILTERS = [None, None, {"customer_id": "hole-3"}, {"customer_id": "nobody"}, {"threat_type": ["geo_anomaly"]}]
EVENTS = ("threat_created", "new_threat", "threat_updated")
LOG = "threats:log"


class Dashboard:
    """Keeps the id of the last thing it was told. What comes before a resume is understood is not heeded."""

    def __init__(self, number, apis, dice):
        self.apis = apis
        self.dice = dice
        self.filter = FILTERS[number % len(FILTERS)]
        self.stretches = []  # [first id known, ids told behind it], one more after each reset
        self.last = None
        self.leaves = True
        self.connections = 0
        self.resumes = 0
        self.done = asyncio.run_coroutine_threadsafe(self._live(), background().loop)

    async def _live(self):
        while True:
            try:
                await self._connect()
            except (OSError, websockets.WebSocketException, asyncio.TimeoutError):
                await asyncio.sleep(self.dice.uniform(0.01, 0.1))

    async def _connect(self):
        at_once = self.last is not None and self.filter is None and self.dice.random() < 0.5
        url = self.dice.choice(self.apis).url.replace("http", "ws") + "/ws" + (f"?last_id={self.last}" if at_once else "")
        options = {"max_size": None, "ping_interval": None, "compression": None, "open_timeout": 5, "close_timeout": 1}
        async with websockets.connect(url, **options) as talk:
            self.connections += 1
            await self._listen(talk, at_once)

    async def _listen(self, talk, at_once):
        heeds = False
        asked = at_once
        stays = self.dice.randrange(1, 400)
        while stays > 0 or not self.leaves:
            message = json.loads(await asyncio.wait_for(talk.recv(), None if self.leaves else 60))
            kind = message["type"]
            stays -= 1
            if kind == "initial_batch" and self.last is None:
                self._start(message["last_id"])
            if kind == "reset":
                self._start(message["last_id"])
                heeds = True
            if not asked and self.last is not None:
                if self.filter is not None:
                    await talk.send(json.dumps({"type": "subscribe", **self.filter}))
                await talk.send(json.dumps({"type": "resume", "last_id": self.last}))
                asked = True
            if kind == "position" and (heeds or message["id"] == self.last):
                self.resumes += not heeds
                heeds = True
                self.last = message["id"]
            if kind in EVENTS and heeds:
                self.last = message["id"]
                self.stretches[-1][1].append(message["id"])
        if self.dice.random() < 0.5:
            talk.transport.abort()

    def _start(self, id_):
        self.last = id_
        self.stretches.append((id_, []))

    def wants(self, row):
        if self.filter is None:
            return True
        words = row["row"].split(" ")
        return words[11] == self.filter.get("customer_id", words[11]) and words[2] in self.filter.get("threat_type", [words[2]])


class Load(threading.Thread):
    def __init__(self, apis):
        super().__init__(daemon=True)
        self.apis = itertools.cycle(apis)
        self.taken = 0
        self.enough = threading.Event()

    def run(self):
        while not self.enough.wait(0.05):
            try:
                answer = next(self.apis).post("/api/threats/batch", varied(20, "hole"))
            except requests.RequestException:
                continue
            self.taken += len(answer.json()["ids"]) if answer.status_code == 202 else 0

    def goes_on(self, limit_s=20):
        before = self.taken
        wait_until(lambda: self.taken >= before + 200, limit_s * TIME_SCALE, "signals are taken")


def position(id_):
    return tuple(int(part) for part in id_.split("-"))


def write_through(store):
    """With everysec, what was told already may be lost with Redis; then a reset is right, and here none is wanted."""
    store.config_set("appendfsync", "always")


def killed_and_back(process, store):
    process.kill()
    process.start()
    write_through(store)


def test_nobody_has_a_hole_whatever_is_killed():
    dice = random.Random(20261127)
    with Fleet(apis=2, workers=2) as fleet:
        write_through(fleet.store)
        dashboards = [Dashboard(i, fleet.apis, random.Random(i)) for i in range(DASHBOARDS)]
        load = Load(fleet.apis)
        load.start()
        began = time.monotonic()
        for victim in [fleet.apis[0], fleet.workers[0], fleet.redis, fleet.apis[1], fleet.redis, dice.choice(fleet.apis)]:
            load.goes_on()
            killed_and_back(victim, fleet.store)
        load.goes_on()
        load.enough.set()
        load.join(60)
        assert time.monotonic() - began < 100 * TIME_SCALE
        wait_until(lambda: fleet.store.exists("threats:stream"), 10, "the stream is there")
        fleet.wait_idle(60 * TIME_SCALE)
        for dashboard in dashboards:
            dashboard.leaves = False
        rows = fleet.store.xrange(LOG)

        def has_all(dashboard):
            assert not dashboard.done.done(), dashboard.done.exception()
            return dashboard.last is not None and position(dashboard.last) >= position(last_for(dashboard, rows))

        for dashboard in dashboards:
            wait_until(lambda: has_all(dashboard), 30 * TIME_SCALE, f"the last event of {len(rows)}")
            dashboard.done.cancel()
        for dashboard in dashboards:
            assert len(dashboard.stretches) == 1, "nothing was lost: nobody had to start over"
            ((start, told),) = dashboard.stretches
            assert told == [id_ for id_, row in rows if position(id_) > position(start) and dashboard.wants(row)]
        assert sum(dashboard.resumes for dashboard in dashboards) > DASHBOARDS


def last_for(dashboard, rows):
    start = position(dashboard.stretches[-1][0])
    wanted = [id_ for id_, row in rows if position(id_) > start and dashboard.wants(row)]
    return wanted[-1] if wanted else dashboard.stretches[-1][0]
