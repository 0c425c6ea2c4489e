"""From a REDIS_URL as the programs take it to a client of the master."""

from urllib.parse import unquote, urlsplit

import redis
import redis.sentinel

SENTINEL_PORT = 26379
TIMEOUT_S = 10


class BadUrl(Exception):
    """The URL names no Redis: the message says why."""


def described(url):
    """The URL without its password, for messages."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _sentinels(hosts):
    for host in hosts.split(","):
        name, colon, port = host.rpartition(":")
        if colon and not port.isdigit():
            raise BadUrl(f"{host} is no host:port")
        yield (name.strip("[]"), int(port)) if colon else (host, SENTINEL_PORT)


def _master_by_sentinel(url):
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    name, _, database = parts.path.strip("/").partition("/")
    if not name:
        raise BadUrl("redis+sentinel:// needs a master's name: redis+sentinel://h1:26379,h2:26379/mymaster/0")
    sentinels = redis.sentinel.Sentinel(list(_sentinels(hosts)), socket_timeout=TIMEOUT_S)
    host, port = sentinels.discover_master(name)
    return redis.Redis(
        host, port, int(database or 0), username=unquote(user) or None, password=unquote(password) or None,
        decode_responses=True, socket_timeout=TIMEOUT_S,
    )


def connect(url):
    try:
        if url.startswith("redis+sentinel://"):
            client = _master_by_sentinel(url)
        else:
            client = redis.Redis.from_url(url, decode_responses=True, encoding_errors="replace", socket_timeout=TIMEOUT_S)
    except ValueError as error:
        raise BadUrl(str(error)) from None
    client.ping()
    return client
