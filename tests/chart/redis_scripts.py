"""The scripts of files/redis with stubs for the programs that they call."""

import subprocess

from rendering import CHART

SCRIPTS = CHART / "files/redis"
PODS = [f"soc-redis-{i}.soc-redis-pods" for i in range(3)]
NO_SLEEP = {"sleep": "#!/bin/sh\n"}


def run_script(path, folder, stubs, *words, **environment):
    """`stubs` are programs' texts by name, found before the machine's own."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    for name, text in {**NO_SLEEP, **stubs}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    environment |= {"PATH": f"{programs}:/usr/bin:/bin", "REDIS_PODS": ",".join(PODS), "REDISCLI_AUTH": "secret"}
    return subprocess.run(["sh", str(path), *words], capture_output=True, text=True, timeout=60, check=False, env=environment)
