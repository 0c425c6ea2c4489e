"""Faults of the way to Redis: slow, narrow, losing, cut one way or both. Delay goes through a proxy of ours; what needs
the kernel (loss, cut wires, a narrow wire) puts Redis into a network namespace of its own, as root."""

import contextlib
import os
import shutil
import subprocess
import time

from fleet import Fleet
from processes import TIME_SCALE, wait_until
from tcp_proxy import TcpProxy
from trial import Skipped, Trial, settle, wait_flowing

FOUND_WITHIN_S = 4 * TIME_SCALE  # a read's BLOCK and two seconds
KEPT_SHARE = 0.8  # of the throughput, behind a slow way
API_WAY, WORKER_WAY = "10.203.{0}.2", "10.203.{0}.3"  # Redis' addresses: one for APIs, one for workers


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


class Namespace:
    """A network namespace with one wire to ours."""

    def __init__(self):
        if os.geteuid() != 0:
            raise Skipped("network namespaces need root")
        for tool in ("ip", "iptables", "tc"):
            if not shutil.which(tool):
                raise Skipped(f"{tool} is not installed (scripts/install-dependencies test)")
        self.number = os.getpid() % 250
        self.name, self.wire = f"soc-fault-{os.getpid()}", f"socf{os.getpid() % 100000}"
        self.api_way, self.worker_way = API_WAY.format(self.number), WORKER_WAY.format(self.number)

    def __enter__(self):
        try:
            run("ip", "netns", "add", self.name)
        except AssertionError as error:
            raise Skipped(f"no network namespace can be made here: {error}") from None
        try:
            run("ip", "link", "add", f"{self.wire}a", "type", "veth", "peer", "name", f"{self.wire}b", "netns", self.name)
            run("ip", "address", "add", f"10.203.{self.number}.1/24", "dev", f"{self.wire}a")
            run("ip", "link", "set", f"{self.wire}a", "up")
            for way in (self.api_way, self.worker_way):
                self.inside("ip", "address", "add", f"{way}/24", "dev", f"{self.wire}b")
            self.inside("ip", "link", "set", f"{self.wire}b", "up")
            self.inside("ip", "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", f"{self.wire}a"], capture_output=True, check=False)

    @property
    def wrap(self):
        return ("ip", "netns", "exec", self.name)

    def inside(self, *words):
        return run(*self.wrap, *words)

    def drop(self, *rule):
        self.inside("iptables", "-A", *rule, "-j", "DROP")

    def heal(self):
        self.inside("iptables", "-F")
        subprocess.run([*self.wrap, "tc", "qdisc", "del", "dev", f"{self.wire}b", "root"], capture_output=True, check=False)

    def narrow(self, rate):
        self.inside("tc", "qdisc", "add", "dev", f"{self.wire}b", "root", "tbf", "rate", rate, "burst", "32kbit", "latency", "400ms")


class FarFleet(Fleet):
    """A fleet whose Redis lives in a namespace; APIs and workers reach it by different addresses."""

    PASSWORD = "far-away"  # Redis listens beyond loopback only with one

    def __init__(self, namespace, **options):
        self.namespace = namespace
        bind = ("--bind", namespace.api_way, namespace.worker_way, "--requirepass", self.PASSWORD)
        super().__init__(redis_options=bind, **options)
        self.redis.wrap = namespace.wrap
        self.redis.client = self.connect()

    def connect(self):
        return self.redis.connect(password=self.PASSWORD)

    def add_api(self, **settings):
        return super().add_api(REDIS_URL=self.url_by(self.namespace.api_way), **settings)

    def add_worker(self, **settings):
        return super().add_worker(REDIS_URL=self.url_by(self.namespace.worker_way), **settings)

    def url_by(self, way):
        return f"redis://:{self.PASSWORD}@{way}:{self.redis.port}/0"


@contextlib.contextmanager
def far_trial(size, **options):
    with Namespace() as namespace, FarFleet(namespace, apis=2, workers=3, SOC_RETENTION_THREATS=0) as fleet:
        with Trial(fleet, rest_s=size["rest_s"], **options) as trial:
            settle(trial)
            trial.produce(rate=size["rate"])
            wait_flowing(trial)
            yield namespace, fleet, trial


PARTITIONS = {
    "workers": lambda space: [("INPUT", "-d", space.worker_way), ("OUTPUT", "-s", space.worker_way)],
    "apis": lambda space: [("INPUT", "-d", space.api_way), ("OUTPUT", "-s", space.api_way)],
    "requests": lambda space: [("INPUT", "-i", f"{space.wire}b")],
    "replies": lambda space: [("OUTPUT", "-o", f"{space.wire}b")],
}


def partitioned(size):
    """the wire to Redis is cut, for workers or APIs, or in one direction for all, and mended"""
    with far_trial(size) as (namespace, fleet, trial):
        trial.connections_lost = True
        cut_off = fleet.workers if size["who"] == "workers" else fleet.apis
        for _ in range(size["times"]):
            with trial.fault():
                for rule in PARTITIONS[size["who"]](namespace):
                    namespace.drop(*rule)
                began = time.monotonic()
                wait_until(lambda: all(program.status("/ready") == 503 for program in cut_off), 30, "the cut is noticed")
                noticed_s = time.monotonic() - began
                if size["who"] == "workers":
                    trial.note_every_owner_lost()
                time.sleep(max(0, size["cut_s"] - noticed_s))
                namespace.heal()
            for program in fleet.programs:
                program.wait_ready()
            trial.claim(noticed_s <= FOUND_WITHIN_S + 2 * TIME_SCALE, "I6", f"noticed after {noticed_s:.1f} s")
        trial.finish()
        unheard = trial.figures.refused + trial.figures.unknown
        trial.claim(size["who"] == "workers" or unheard > 0, "I1", "every signal was accepted meanwhile")
        return trial


def losing(size):
    """one packet in twenty is lost"""
    with far_trial(size) as (namespace, fleet, trial):
        before = trial.rate_over(2)
        with trial.fault():
            namespace.drop("INPUT", "-i", f"{namespace.wire}b", "-m", "statistic", "--mode", "random", "--probability", "0.05")
            during = trial.rate_over(size["lasts_s"])
            namespace.heal()
        trial.claim(during > 0.1 * before, "I6", f"{during:.0f} a second with loss, {before:.0f} before")
        trial.connections_lost = True
        return trial.finish()


def narrow(size):
    """the wire to Redis carries 1 Mbit/s"""
    with far_trial(size) as (namespace, fleet, trial):
        trial.connections_lost = True  # a reply may be slower than its deadline
        with trial.fault():
            namespace.narrow("1mbit")
            time.sleep(size["lasts_s"])
            namespace.heal()
        for program in fleet.programs:
            program.wait_ready()
        return trial.finish()


def far_away(size):
    """50 ms ± 30 ms to Redis"""
    with Fleet(apis=2, workers=3, redis_up=True, SOC_RETENTION_THREATS=0) as near:
        port = near.redis.port
        with TcpProxy(port) as proxy:
            near.settings["REDIS_URL"] = proxy.url
            restart_all(near)
            with Trial(near, rest_s=size["rest_s"]) as trial:
                settle(trial)
                trial.produce(rate=size["rate"], connections=256)
                wait_flowing(trial)
                before = trial.rate_over(2)
                with trial.fault():
                    proxy.slow(0.05, 0.03)
                    time.sleep(1)
                    during = trial.rate_over(size["lasts_s"])
                    proxy.slow()
                trial.claim(during >= KEPT_SHARE * before, "I6", f"{during:.0f} a second far away, {before:.0f} near")
                return trial.finish()


def restart_all(fleet):
    for program in fleet.programs:
        assert program.terminate() == 0
        program.environment["REDIS_URL"] = fleet.settings["REDIS_URL"]
        program.start()
    for program in fleet.programs:
        program.wait_ready()
