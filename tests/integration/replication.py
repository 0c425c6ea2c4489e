"""A replicated Redis for tests: a master, replicas and Sentinels, each on a port of its own of 127.0.0.1, and a
fleet of soc-api and soc-worker on it."""

import signal as signals
import time

import redis

from fleet import Fleet
from processes import START_LIMIT_S, Process, RedisServer, command, free_port, wait_until

MASTER_NAME = "soc-master"
DOWN_AFTER_MS = 1000


class Replica(RedisServer):
    way = None  # a proxy between it and its master

    def __init__(self, folder, name, port=None):
        folder = folder / name
        folder.mkdir()
        super().__init__(folder, port)
        self.name = name

    def start(self, follows=None):
        words = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--unixsocket", self.socket_path]
        words += ["--dir", self.folder, "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        words += ["--repl-diskless-sync-delay", 0, "--repl-ping-replica-period", 1, "--enable-debug-command", "local"]
        words += ["--replicaof", "127.0.0.1", self.way.port if self.way else follows.port] if follows else []
        self.spawn(command(*words))
        wait_until(self.answers, START_LIMIT_S, f"{self.name} answers")
        return self

    def role(self):
        return self.client.execute_command("ROLE")[0]

    def synchronized(self):
        return self.client.info("replication").get("master_link_status") == "up"


class Sentinel(Process):
    def __init__(self, folder, number, master_port, quorum):
        super().__init__(f"sentinel{number}", folder)
        self.port = free_port()
        self.client = redis.Redis(port=self.port, decode_responses=True, socket_timeout=2, retry_on_error=[])
        self.settings = folder / f"sentinel{number}.conf"
        self.settings.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor {MASTER_NAME} 127.0.0.1 {master_port} {quorum}\n"
            f"sentinel down-after-milliseconds {MASTER_NAME} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {MASTER_NAME} 5000\nsentinel parallel-syncs {MASTER_NAME} 1\n"
        )

    def start(self):
        self.spawn(command("redis-server", self.settings, "--sentinel"))
        return self

    def state(self):
        try:
            return self.client.sentinel_master(MASTER_NAME)
        except redis.RedisError:
            return {}

    def knows_all(self, replicas, sentinels):
        state = self.state()
        return bool(state) and state["num-slaves"] == replicas and state["num-other-sentinels"] == sentinels - 1

    def master_port(self):
        try:
            address = self.client.sentinel_get_master_addr_by_name(MASTER_NAME)
        except redis.RedisError:
            return None
        return address and address[1]


class ReplicatedFleet(Fleet):
    """`store` is the present master as the first Sentinel that answers tells it (without Sentinels: the first
    server). `replica_way` is a proxy through which the replicas reach it."""

    def __init__(self, apis=1, workers=1, replicas=2, sentinels=3, sentinel_host="127.0.0.1", replica_way=None, **settings):
        super().__init__(apis=apis, workers=workers, **settings)
        self.servers = [Replica(self.folder, f"redis{number}") for number in range(replicas + 1)]
        self.sentinels = [Sentinel(self.folder, n, self.servers[0].port, sentinels // 2 + 1) for n in range(sentinels)]
        self.redis = self.servers[0]
        for replica in self.servers[1:]:
            replica.way = replica_way
        if replica_way:
            replica_way.upstream_port = self.redis.port
        self.redis_url = self.redis.tcp_url
        if sentinels:
            hosts = ",".join(f"{sentinel_host}:{sentinel.port}" for sentinel in self.sentinels)
            self.redis_url = f"redis+sentinel://{hosts}/{MASTER_NAME}/0"

    def __enter__(self):
        try:
            master, *replicas = self.servers
            master.start()
            for replica in replicas:
                replica.start(follows=master)
            for sentinel in self.sentinels:
                sentinel.start()
            for replica in replicas:
                wait_until(replica.synchronized, 20, f"{replica.name} follows the master")
            wait_until(lambda: len(master.client.execute_command("ROLE")[2]) == len(replicas), 20, "the master counts on its replicas")
            for sentinel in self.sentinels:
                wait_until(lambda: sentinel.knows_all(len(replicas), len(self.sentinels)), 20, f"{sentinel.name} knows all")
            self._redis_up = True
            master.start = lambda: master  # it runs
            super().__enter__()
            del master.start
            return self
        except BaseException:
            self.abandon()
            raise

    def master_port(self):
        for sentinel in self.sentinels:
            if sentinel.alive() and (port := sentinel.master_port()):
                return port
        return self.servers[0].port

    @property
    def master(self):
        port = self.master_port()
        return next(server for server in self.servers if server.port == port)

    @property
    def replicas(self):
        master = self.master
        return [server for server in self.servers if server is not master and server.alive()]

    @property
    def store(self):
        return self.master.client

    def wait_idle(self, limit_s=30):
        wait_until(lambda: self.master.idle(), limit_s, "nothing is queued or pending")

    def wait_failover(self, old_port, limit_s=20):
        """Until a Sentinel names another master; returns when that was, monotonic."""
        wait_until(lambda: self.master_port() != old_port, limit_s, "another master is named")
        return time.monotonic()

    def failovers(self):
        """How many the Sentinels have conducted."""
        return max(sentinel.state().get("config-epoch", 0) for sentinel in self.sentinels)

    def abandon(self):
        for process in [*self.sentinels, *self.servers]:
            if process.alive():
                process.send(signals.SIGKILL)
                process.process.wait(20)
            process.client.close()
        super().abandon()
