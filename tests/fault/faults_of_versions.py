"""Programs of two versions beside each other, and what a newer one leaves for an older one."""

import os
import pathlib
import subprocess
import time

import evidence
import processes
from fleet import Fleet
from processes import REPOSITORY, wait_until
from sample_signals import signal
from trial import Skipped, Trial, settle, wait_flowing

SCRIPTS = ["worker/results/commit_analysis.lua", "api/threats/enqueue_signal.lua"]
OLD_BUILD = "SOC_FAULT_OLD_BUILD"


def left_by_newer(size):
    """an entry of a version to come waits for who knows it; rows of unknown kinds in the log are passed over"""
    with Fleet(apis=2, workers=2, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        trial.produce(rate=size["rate"])
        wait_flowing(trial)
        store = fleet.store
        with trial.fault():
            trial.sampler.paused = True
            kept = []
            for number in range(size["entries"]):
                id_ = f"01936b2e-5f0a-7c41-9b1e-3d5a8c{number:06x}"
                kept.append(store.xadd(evidence.STREAM, {"v": "99", "id": id_, "signal": "?", "received_at": "1", "new_field": "?"}))
                store.xadd(evidence.LOG, {"kind": "of-tomorrow", "id": id_, "row": "?"})
                store.script_flush()
            time.sleep(size["wait_s"])
        waiting = sum(bool(store.xrange(evidence.STREAM, entry, entry)) for entry in kept)
        trial.claim(waiting == len(kept), "I1", f"{len(kept) - waiting} newer entries are gone")
        trial.claim(store.xlen(evidence.DEAD) == 0, "I1", "newer entries were buried")
        pending = [row for entry in kept for row in store.xpending_range(evidence.STREAM, evidence.GROUP, entry, entry, 1)]
        trial.claim(len(pending) == len(kept), "I1", "newer entries were acknowledged")
        store.xack(evidence.STREAM, evidence.GROUP, *kept)  # as a newer worker would
        return trial.finish()


def old_build(may_build):
    """The folder with the programs of another version: named by SOC_FAULT_OLD_BUILD, else built from the last commit
    that had other scripts."""
    if os.environ.get(OLD_BUILD):
        return pathlib.Path(os.environ[OLD_BUILD]).resolve()
    if not may_build:
        raise Skipped(f"the short run builds no other version; {OLD_BUILD} may name a folder with one")
    log = subprocess.run(["git", "log", "--format=%H", "-2", "--", *SCRIPTS], cwd=REPOSITORY, capture_output=True, text=True)
    commits = log.stdout.split()
    if log.returncode != 0 or len(commits) < 2:
        raise Skipped(f"no other version: this is no repository with history, and {OLD_BUILD} is not set")
    tree = processes.BUILD / f"old-{commits[1][:12]}"
    if not (tree / "build" / "soc-worker").exists():
        if not tree.exists():
            subprocess.run(["git", "worktree", "add", "--detach", tree, commits[1]], cwd=REPOSITORY, check=True, capture_output=True)
        done = subprocess.run(["scripts/build", "build", "-DSOC_TESTS=OFF", "-DSOC_BENCH=OFF"], cwd=tree, capture_output=True, text=True)
        if done.returncode != 0:
            raise Skipped(f"the other version does not build: {done.stdout[-300:]}{done.stderr[-300:]}")
    return tree / "build"


def mixed(size):
    """APIs and workers of this version and of an older one, started and stopped in turn"""
    folder = old_build(size["build"])
    unchecked = {"I4": "the account of what is finished is kept by the newer version only"}
    with Fleet(apis=2, workers=4, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"], unchecked=unchecked) as trial:
        settle(trial)
        trial.produce(rate=size["rate"])
        wait_flowing(trial)
        for number in range(size["rollouts"]):
            to = folder if number % 2 == 0 else processes.BUILD
            for program in [*fleet.workers[::2], fleet.apis[0]]:
                with trial.fault():
                    trial.claim(program.terminate() == 0, "I6", f"{program.name} ended badly")
                    program.binary = to / program.binary.name
                    program.start()
                program.wait_ready()
            wait_flowing(trial)
            answer = fleet.api.post_signal(signal(), Prefer="wait=10")
            trial.claim(answer.status_code == 200, "I6", f"a mixed fleet answered {answer.status_code}")
        return trial.finish()
