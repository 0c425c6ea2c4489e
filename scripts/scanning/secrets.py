"""Secrets known by their shape, each with a name. The shapes are those that the issuers document."""

import re
import subprocess

PATTERNS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub token": r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{82})\b",
    "GitLab token": r"\bglpat-[0-9A-Za-z_-]{20}\b",
    "Slack token": r"\bxox[abeprs]-[0-9A-Za-z-]{10,}\b",
    "Slack webhook": r"hooks\.slack\.com/services/T[0-9A-Z]{8,}/B[0-9A-Z]{8,}/[0-9A-Za-z]{24}",
    "Google API key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "Stripe key": r"\b[rs]k_live_[0-9A-Za-z]{24,}\b",
    "npm token": r"\bnpm_[0-9A-Za-z]{36}\b",
    "PyPI token": r"\bpypi-AgEIcHlwaS5vcmc[0-9A-Za-z_-]{50,}",
    "JSON Web Token": r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}",
}
_ANY = re.compile("|".join(f"(?P<p{i}>{pattern})" for i, pattern in enumerate(PATTERNS.values())))
_NAMES = list(PATTERNS)


def _git(*words):
    # Files are bytes: what is no text cannot hold a pattern broken by it.
    return subprocess.run(["git", *words], capture_output=True, text=True, errors="replace", check=True).stdout


def names_in(line):
    return [_NAMES[int(hit.lastgroup[1:])] for hit in _ANY.finditer(line)]


def in_history():
    """What any commit that HEAD comes from added, deleted since or not."""
    commit = path = ""
    for line in _git("log", "--patch", "--unified=0", "--no-color", "--no-ext-diff", "--format=commit %h", "HEAD").splitlines():
        if line.startswith("commit "):
            commit = line.removeprefix("commit ")
        elif line.startswith("+++ "):
            path = line.removeprefix("+++ b/")
        elif line.startswith("+"):
            for name in names_in(line):
                yield f"commit {commit}: {path}: {name}"


def in_files():
    """What lies in the work tree and is not ignored, committed or not."""
    for path in filter(None, _git("ls-files", "-coz", "--exclude-standard").split("\0")):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                for number, line in enumerate(file, 1):
                    for name in names_in(line):
                        yield f"{path}:{number}: {name}"
        except OSError:
            continue  # deleted and not yet committed, or no plain file
