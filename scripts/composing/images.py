"""The images of the stack: pulled where there is a registry; else the base is made by debootstrap, and each public image has a
stand-in under its own name, made from the program that scripts/build-tools built or from Debian's package."""

import json
import os
import pathlib
import shutil
import sys
import tempfile

from composing.command import attempt, run

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PULL_LIMIT_S = 600
FOUNDATION = "soc-stand-in:local"

# What a stand-in has in common with its original: the user, the folder that is its own, and how it is started.
STAND_INS = {
    "redis": {"user": "999:999", "folder": "/data", "entrypoint": []},
    "prom/prometheus": {"user": "65534:65534", "folder": "/prometheus", "entrypoint": ["/usr/bin/prometheus"]},
    "prom/alertmanager": {"user": "65534:65534", "folder": "/alertmanager", "entrypoint": ["/usr/bin/prometheus-alertmanager"]},
    "otel/opentelemetry-collector-contrib": {"built": "otelcol", "user": "10001:10001"},
    "jaegertracing/jaeger": {"built": "jaeger", "user": "10001:10001"},
    "grafana/loki": {"built": "loki", "user": "10001:10001", "folder": "/loki"},
    "grafana/promtail": {"built": "promtail", "user": "0:0"},
}


def is_there(image):
    return attempt("docker", "image", "inspect", image).returncode == 0


def size_of(image):
    return json.loads(run("docker", "image", "inspect", image))[0]["Size"]


def pulled(image):
    return attempt("docker", "pull", "--quiet", image, limit_s=PULL_LIMIT_S).returncode == 0


def prepare_base(image):
    if is_there(image) or pulled(image):
        return
    print(f"{image} cannot be pulled: making it with debootstrap", flush=True)
    if os.geteuid() != 0:
        sys.exit("compose-test: debootstrap needs root")
    with tempfile.TemporaryDirectory(prefix="soc-base-") as folder:
        root = pathlib.Path(folder) / "root"
        run("debootstrap", "--variant=minbase", "bookworm", root)
        add_updates(root)
        add_certificates(root)
        archive = pathlib.Path(folder) / "root.tar"
        run("tar", "-C", root, "-cf", archive, ".")
        run("docker", "import", archive, image)


def add_updates(root):
    """debootstrap knows the main suite alone, which has no security updates."""
    sources = root / "etc/apt/sources.list"
    archive = sources.read_text().split()[1]
    security = archive.rstrip("/") + "-security"
    suites = {"bookworm": archive, "bookworm-updates": archive, "bookworm-security": security}
    sources.write_text("".join(f"deb {uri} {suite} main\n" for suite, uri in suites.items()))
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    environment = {"DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    for words in ("update", "dist-upgrade --yes", "clean"):
        run("chroot", root, "apt-get", "-qq", *words.split(), env=environment)
    shutil.rmtree(root / "var/lib/apt/lists")


def add_certificates(root):
    """Of a network that stands between this machine and the outside."""
    target = root / "usr/local/share/ca-certificates"
    target.mkdir(parents=True, exist_ok=True)
    for path in pathlib.Path("/usr/local/share/ca-certificates").glob("*.crt"):
        shutil.copy(path, target)


def prepare_public(images, base):
    """Returns the images that could neither be pulled nor replaced."""
    missing = []
    for image in images:
        name = image.partition(":")[0]
        if is_there(image) or pulled(image):
            continue
        if name in STAND_INS:
            print(f"{image} cannot be pulled: a stand-in takes its place", flush=True)
            build_stand_in(image, base, **STAND_INS[name])
        else:
            missing.append(image)
    return missing


def build_stand_in(image, base, built=None, user="0:0", folder=None, entrypoint=None):
    prepare_foundation(base)
    with tempfile.TemporaryDirectory(prefix="soc-stand-in-") as context:
        lines = [f"FROM {FOUNDATION}"]
        if built:
            run(REPOSITORY / "scripts/build-tools", built, limit_s=7200)
            tools = run(REPOSITORY / "scripts/build-tools", "--where").strip()
            shutil.copy(pathlib.Path(tools) / built, context)
            lines.append(f"COPY {built} /usr/bin/{built}")
            entrypoint = [f"/usr/bin/{built}"]
        if folder:
            lines.append(f"RUN install -d -o {user.split(':')[0]} -g {user.split(':')[1]} {folder}")
            lines.append(f"WORKDIR {folder}")
        lines.append(f"USER {user}")
        lines.append(f"ENTRYPOINT {json.dumps(entrypoint)}")
        (pathlib.Path(context) / "Dockerfile").write_text("\n".join(lines) + "\n")
        run("docker", "build", "--quiet", "--tag", image, context)


def prepare_foundation(base):
    """Debian's programs, and the client that healthchecks ask with."""
    if is_there(FOUNDATION):
        return
    install = "apt-get install -y -qq --no-install-recommends wget redis-server prometheus prometheus-alertmanager"
    no_services = r"printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d"
    with tempfile.TemporaryDirectory(prefix="soc-stand-in-") as context:
        text = f"FROM {base}\nENV DEBIAN_FRONTEND=noninteractive\nRUN {no_services} && apt-get update -qq && {install}\n"
        (pathlib.Path(context) / "Dockerfile").write_text(text)
        run("docker", "build", "--quiet", "--tag", FOUNDATION, context)
