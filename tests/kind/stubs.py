"""The scripts of kind/ with stubs for docker, kind, kubectl, helm and curl: each writes down how it was called, and answers as told."""

import itertools
import pathlib
import re
import shutil
import socket
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# What the scripts need of the machine itself.
TOOLS = ("bash", "dirname", "sed", "sleep", "mktemp", "rm", "grep", "tail", "head", "env", "cat", "python3")

METRIC = '{"items":[{"metricName":"soc_required_workers","value":"1"}]}'
ID = "sha256:" + "0123456789ab" * 5
# Each is the end of a shell script: $* are its words. The first line that matches answers.
ANSWERS = {
    "docker": [
        ("image inspect --format*", f"echo {ID}"),
        ("image inspect *", 'case " $IMAGES " in *" ${3} "*) ;; *) exit 1 ;; esac'),
        ("pull *", "exit 1"),
        ("image ls*", "echo soc-api:kind; echo soc-worker:kind-0123; echo redis:7.0.15"),
    ],
    "kind": [("get clusters", 'printf "%s\\n" $CLUSTERS')],
    "kubectl": [
        ("config get-contexts*", 'printf "%s\\n" $CONTEXTS'),
        ("*--raw*soc_required_workers", f"echo '{METRIC}'"),
        ("*get apiservice *", 'case "$*" in *"$FOREIGN"*) [ -z "$FOREIGN" ] || echo "$FOREIGN=other" ;; esac'),
    ],
    "helm": [("list*", "echo soc")],
    "curl": [("*", "printf 200")],
}


def free_ports(count):
    with_sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in with_sockets]
    for listening in with_sockets:
        listening.close()
    return ports


def lay_out(root):
    """The repository as the scripts see it, with ports that are free. Returns these."""
    root.mkdir()
    for path in REPOSITORY.iterdir():
        if path.name != "kind":
            (root / path.name).symlink_to(path)
    shutil.copytree(REPOSITORY / "kind", root / "kind")
    config = root / "kind/kind-config.yaml"
    ports = free_ports(2)
    numbers = itertools.chain(ports)
    config.write_text(re.sub(r"(hostPort: )\d+", lambda found: f"{found[1]}{next(numbers)}", config.read_text()))
    return ports


class Machine:
    """A PATH of stubs, and what was called."""

    def __init__(self, folder):
        self.root = folder / "repository"
        self.ports = lay_out(self.root)
        self.url = f"http://127.0.0.1:{self.ports[0]}"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "calls"
        self.log.write_text("")
        self.environment = {
            "PATH": str(self.bin),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "IMAGES": "debian:bookworm-slim redis:7.0.15 " + " ".join(addon_images().values()) + f" {built('api')} {built('worker')}",
            "CLUSTERS": "",
            "CONTEXTS": "kind-soc",
            "FOREIGN": "",
        }
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))
        for name in ANSWERS:
            self.stub(name)

    def stub(self, name, *first):
        """`first` are answers before the usual ones."""
        branches = "".join(f"{quoted(pattern)}) {body} ;;\n" for pattern, body in [*first, *ANSWERS[name]])
        text = f'#!/bin/sh\necho "{name} $*" >>{self.log}\n[ "${{*%--filename -}}" = "$*" ] || cat >/dev/null\ncase "$*" in\n{branches}esac\n'
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def without(self, name):
        (self.bin / name).unlink()

    def run(self, script, *words, **environment):
        return subprocess.run(
            [self.root / "kind" / script, *words],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )

    def calls(self, name=""):
        return [line for line in self.log.read_text().splitlines() if line.startswith(name)]


def quoted(pattern):
    return "*".join(f'"{part}"' if part else "" for part in pattern.split("*"))


def built(part):
    return f"soc-{part}:kind-0123456789ab"


def addon_images():
    """Name of the add-on → its pinned image."""
    found = {}
    for path in sorted((REPOSITORY / "kind/addons").glob("*.yaml")):
        (found[path.stem],) = [line.split()[1] for line in path.read_text().splitlines() if line.lstrip().startswith("image: ")]
    return found
