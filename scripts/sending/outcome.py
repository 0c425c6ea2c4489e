"""Counts what came back, shows progress, sums up."""

import collections
import shutil
import sys
import threading
import time

SEVERITIES = ["critical", "high", "medium", "low"]
RECOMMENDATIONS = ["likely_real", "needs_review", "likely_fp"]
COMPLAINTS_MAX = 10
PROGRESS_EVERY_S = 0.2


def percentile(sorted_values, fraction):
    """Nearest rank."""
    if not sorted_values:
        return None
    rank = max(0, min(len(sorted_values) - 1, round(fraction * len(sorted_values) + 0.5) - 1))
    return sorted_values[rank]


class Tally:
    def __init__(self, total, progress):
        self.total = total
        self.sent = self.accepted = self.rejected = self.completed = 0
        self.severity = collections.Counter()
        self.recommendation = collections.Counter()
        self.rejections = collections.Counter()
        self.latencies_ms = []
        self.interrupted = False
        self._progress = progress
        self._complaints = 0
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._shown = 0.0
        self._seconds = None

    def add_sent(self, count=1):
        with self._lock:
            self.sent += count
            self._show_progress()

    def add_accepted(self, count=1):
        with self._lock:
            self.accepted += count

    def add_rejected(self, index, status, text, count=1):
        """`status` is the HTTP status, or a word when there was no answer."""
        with self._lock:
            self.rejected += count
            self.rejections[str(status)] += count
            self._complaints += 1
            if self._complaints <= COMPLAINTS_MAX:
                self._say(f"signal {index + 1}: {text}", sys.stderr)
            elif self._complaints == COMPLAINTS_MAX + 1:
                self._say("further rejections are only counted", sys.stderr)

    def add_completed(self, analysis, latency_ms):
        with self._lock:
            self.completed += 1
            self.severity[analysis["severity"]] += 1
            self.recommendation[analysis["false_positive_score"]["recommendation"]] += 1
            self.latencies_ms.append(latency_ms)
            self._show_progress()

    def say(self, text):
        with self._lock:
            self._say(text, sys.stdout)

    def end(self):
        self._seconds = time.monotonic() - self._started
        if self._progress:
            self._clear()

    def all_well(self):
        return not self.interrupted and self.completed == self.total

    def line(self):
        return (
            f"sent {self.sent}, accepted {self.accepted}, rejected {self.rejected}, completed {self.completed}"
            f" in {self._seconds:.1f} s ({self.completed / max(self._seconds, 1e-9):.0f}/s)"
        )

    def summary(self):
        ordered = sorted(self.latencies_ms)
        rows = [self.line()]
        if self.interrupted:
            rows.append("interrupted: the rest was not sent")
        if self.completed:
            rows.append("severity        " + self._counts(self.severity, SEVERITIES))
            rows.append("recommendation  " + self._counts(self.recommendation, RECOMMENDATIONS))
            rows.append(
                f"visible after   p50 {percentile(ordered, 0.5):.1f} ms, p99 {percentile(ordered, 0.99):.1f} ms,"
                f" longest {ordered[-1]:.1f} ms"
            )
        if self.rejections:
            rows.append("rejected        " + self._counts(self.rejections, sorted(self.rejections)))
        if self.accepted > self.completed:
            rows.append(f"waiting         {self.accepted - self.completed} accepted, not analysed in time: see /api/backlog")
        return "\n".join(rows)

    def as_json(self):
        ordered = sorted(self.latencies_ms)
        return {
            "sent": self.sent,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "completed": self.completed,
            "seconds": round(self._seconds, 3),
            "severity": {name: self.severity[name] for name in SEVERITIES},
            "recommendation": {name: self.recommendation[name] for name in RECOMMENDATIONS},
            "rejections": dict(self.rejections),
            "latency_p50_ms": percentile(ordered, 0.5),
            "latency_p99_ms": percentile(ordered, 0.99),
        }

    @staticmethod
    def _counts(counter, names):
        return ", ".join(f"{name} {counter[name]}" for name in names if counter[name])

    def _show_progress(self):
        now = time.monotonic()
        if not self._progress or now - self._shown < PROGRESS_EVERY_S:
            return
        self._shown = now
        rate = self.completed / max(now - self._started, 1e-9)
        text = f"{self.sent}/{self.total} sent, {self.completed} analysed, {self.rejected} rejected, {rate:.0f}/s"
        sys.stderr.write("\r" + text.ljust(shutil.get_terminal_size().columns - 1))
        sys.stderr.flush()

    def _clear(self):
        sys.stderr.write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")
        sys.stderr.flush()

    def _say(self, text, stream):
        if self._progress:
            self._clear()
        print(text, file=stream, flush=True)
