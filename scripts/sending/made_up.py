"""Made-up signals that look like a shop's, a bank's or a forum's day."""

import datetime
import ipaddress
import random

CUSTOMERS = [
    ("acme-shop", "Acme Shop"),
    ("borealis-bank", "Borealis Bank"),
    ("cedar-clinic", "Cedar Clinic"),
    ("delta-airways", "Delta Airways Booking"),
    ("elm-street-books", "Elm Street Books"),
    ("foehn-energy", "Föhn Energie"),
    ("granite-games", "Granite Games"),
    ("harbour-hotels", "Harbour Hotels"),
    ("iris-insurance", "Iris Insurance"),
    ("juniper-jobs", "Juniper Jobs"),
]

BROWSERS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
]
TOOLS = ["python-requests/2.31.0", "curl/8.5.0", "Go-http-client/1.1", "Scrapy/2.11 (+https://scrapy.org)", "okhttp/4.12.0"]
CRAWLERS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
]

PATHS = ["/", "/login", "/api/v1/session", "/products/1842", "/search?q=boots", "/wp-login.php", "/api/v1/prices", "/account"]

# threat type: requests (least, most), windows in minutes, user agents, what raw_data tells
PROFILES = {
    "bot_traffic": ((200, 40_000), (1, 5, 15), TOOLS + CRAWLERS, ("distinct_paths", "errors", "sample_paths")),
    "credential_stuffing": ((300, 12_000), (5, 10, 30), TOOLS + BROWSERS, ("failed_logins", "distinct_accounts")),
    "account_takeover": ((3, 60), (10, 60), BROWSERS, ("failed_logins", "new_device", "password_changed")),
    "data_scraping": ((2_000, 90_000), (15, 60, 240), TOOLS + CRAWLERS, ("distinct_paths", "sample_paths")),
    "geo_anomaly": ((1, 25), (60, 240), BROWSERS, ("country", "previous_country", "distance_km")),
    "rate_limit_breach": ((1_000, 60_000), (1, 5), TOOLS + BROWSERS, ("sample_paths", "errors")),
    "brute_force": ((50, 8_000), (5, 15, 60), TOOLS, ("failed_logins", "distinct_accounts", "service")),
    "proxy_network": ((100, 9_000), (10, 60), BROWSERS + TOOLS, ("exit_addresses", "countries")),
    "device_compromise": ((10, 900), (30, 240), BROWSERS, ("new_device", "session_age_hours")),
    "anomaly_detection": ((20, 20_000), (5, 60), BROWSERS + TOOLS, ("deviation", "errors")),
}
TYPES = list(PROFILES)

DETAILS = {
    "distinct_paths": lambda dice, count: dice.randint(1, max(1, min(count, 900))),
    "errors": lambda dice, count: dice.randint(0, count // 4),
    "sample_paths": lambda dice, count: dice.sample(PATHS, 3),
    "failed_logins": lambda dice, count: dice.randint(count // 2, count),
    "distinct_accounts": lambda dice, count: dice.randint(1, max(1, count // 2)),
    "new_device": lambda dice, count: dice.random() < 0.7,
    "password_changed": lambda dice, count: dice.random() < 0.3,
    "country": lambda dice, count: dice.choice(["BR", "VN", "NL", "US", "RO"]),
    "previous_country": lambda dice, count: dice.choice(["DE", "SE", "US"]),
    "distance_km": lambda dice, count: dice.randint(300, 11_000),
    "service": lambda dice, count: dice.choice(["ssh", "http", "imap"]),
    "exit_addresses": lambda dice, count: dice.randint(5, 400),
    "countries": lambda dice, count: dice.randint(2, 60),
    "session_age_hours": lambda dice, count: dice.randint(1, 700),
    "deviation": lambda dice, count: round(dice.uniform(2, 14), 1),
}


def address(dice):
    """Mostly public, now and then IPv6, private, or one that came back."""
    kind = dice.random()
    if kind < 0.08:
        return str(ipaddress.IPv6Address((0x2A01 << 112) | dice.getrandbits(64)))
    if kind < 0.12:
        return f"10.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(1, 255)}"
    if kind < 0.30:
        return f"198.51.100.{dice.randrange(1, 20)}"
    while True:
        candidate = ipaddress.IPv4Address(dice.getrandbits(32))
        if candidate.is_global and not candidate.is_multicast:
            return str(candidate)


def signal(dice, threat_type=None, now=None):
    threat_type = threat_type or dice.choice(TYPES)
    (least, most), windows, agents, details = PROFILES[threat_type]
    customer_id, customer_name = dice.choice(CUSTOMERS)
    count = round(least * (most / least) ** dice.random())
    now = now or datetime.datetime.now(datetime.timezone.utc)
    detected_at = now - datetime.timedelta(seconds=dice.uniform(0, 90))
    return {
        "threat_type": threat_type,
        "customer_id": customer_id,
        "customer_name": customer_name,
        "source_ip": address(dice),
        "user_agent": dice.choice(agents) if dice.random() < 0.95 else None,
        "request_count": count,
        "time_window_minutes": dice.choice(windows),
        "detected_at": detected_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "raw_data": {name: DETAILS[name](dice, count) for name in details},
    }


def signals(count, threat_type=None, seed=None):
    dice = random.Random(seed)
    return (signal(dice, threat_type) for _ in range(count))
