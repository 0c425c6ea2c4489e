"""Running commands that must succeed."""

import subprocess
import sys


def run(*words, limit_s=1800, **options):
    """What it prints; ends the script when it fails."""
    done = attempt(*words, limit_s=limit_s, **options)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}\ncompose-test: {' '.join(map(str, words))[:200]} failed")
    return done.stdout


def attempt(*words, limit_s=1800, **options):
    return subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=limit_s, check=False, **options
    )
