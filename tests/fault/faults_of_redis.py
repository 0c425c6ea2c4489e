"""Faults of the store: killed under each kind of persistence, emptied, without its stream, group or scripts, of the
wrong type, out of memory, rolled back."""

import shutil
import signal as signals
import time

import evidence
from fleet import Fleet
from processes import TIME_SCALE, wait_until
from trial import Trial, settle, wait_flowing, wall_ms

ERRORS_PER_SECOND = 5  # of one worker, while the store is broken
RECOVERED_MS = 2000 * TIME_SCALE
EVERYSEC_WINDOW_MS = 2000  # fsync once a second, and Redis puts a write off for at most another
ON_ITS_WAY_MS = 100  # an answer
PERSISTENCE = {
    "always": ("--appendfsync", "always"),
    "everysec": ("--appendfsync", "everysec"),
    "none": ("--appendonly", "no"),
}


def killed(size):
    """kill -9 of Redis under load, with appendfsync always, everysec, and without persistence"""
    mode = size["mode"]
    with Fleet(apis=2, workers=3, redis_options=PERSISTENCE[mode], SOC_RETENTION_THREATS=0) as fleet:
        unchecked = {"I5": "the store is another one than before"} if mode == "none" else {}
        with Trial(fleet, rest_s=size["rest_s"], unchecked=unchecked) as trial:
            settle(trial)
            trial.connections_lost = True
            trial.produce(rate=size["rate"])
            wait_flowing(trial)
            for _ in range(size["kills"]):
                kill_and_start(trial, mode)
                wait_flowing(trial, size["between_s"])
            return trial.finish()


def kill_and_start(trial, mode):
    redis = trial.fleet.redis
    with trial.fault():
        trial.sampler.paused = True
        redis.kill()
        at_ms = wall_ms()
        trial.figures.kills += 1
        redis.start()
        wait_until(redis.answers, 30, "Redis answers")
    if mode == "none":
        trial.may_lose.append((0, at_ms))
        trial.log_from = f"{at_ms}-0"
    elif mode == "everysec":
        trial.may_lose.append((at_ms - EVERYSEC_WINDOW_MS, at_ms))
    for program in trial.fleet.programs:
        program.wait_ready()
    trial.sampler.paused = False


def errors_of(program, since_lines):
    lines = list(evidence.log_lines(program))[since_lines:]
    return sum(line["level"] == "error" for line in lines)


def emptied(size):
    """FLUSHALL, DEL of the stream, XGROUP DESTROY, SCRIPT FLUSH, a key of another type"""
    act = ACTS[size["act"]]
    unchecked = {"I5": "the store is another one than before"} if size["act"] == "flushall" else {}
    with Fleet(apis=2, workers=3, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"], unchecked=unchecked) as trial:
        settle(trial)
        trial.produce(rate=size["rate"])
        wait_flowing(trial)
        for _ in range(size["times"]):
            lines = {program.name: len(list(evidence.log_lines(program))) for program in fleet.workers}
            trial.sampler.paused = True
            begun = time.monotonic()
            with trial.fault():
                act(trial, size)
            wait_flowing(trial, size["between_s"])
            trial.sampler.paused = False
            lasted_s = max(time.monotonic() - begun, 1)
            for program in fleet.workers:  # an API tells of each request
                rate = errors_of(program, lines[program.name]) / lasted_s
                trial.claim(rate <= ERRORS_PER_SECOND, "I6", f"{program.name} told {rate:.0f} errors a second")
        trial.finish()
        slowest = max(trial.figures.recovery_ms, default=0)
        trial.claim(slowest <= RECOVERED_MS, "I6", f"recovered after {slowest} ms")
        return trial


def excuse_until_now(trial):
    """What was taken so far is destroyed; an answer to it may still be on its way."""
    trial.may_lose.append((0, wall_ms() + ON_ITS_WAY_MS))


def flush_all(trial, size):
    trial.fleet.store.flushall()
    excuse_until_now(trial)
    trial.log_from = f"{wall_ms()}-0"


def delete_stream(trial, size):
    trial.fleet.store.delete(evidence.STREAM)
    excuse_until_now(trial)


def destroy_group(trial, size):
    trial.fleet.store.xgroup_destroy(evidence.STREAM, evidence.GROUP)


def flush_scripts(trial, size):
    trial.fleet.store.script_flush()


def other_type(trial, size):
    """The stream is a string for a while: nothing is taken, nobody spins; it heals when the string is gone."""
    store = trial.fleet.store
    pipeline = store.pipeline(transaction=True)
    pipeline.delete(evidence.STREAM)
    pipeline.set(evidence.STREAM, "not a stream")
    pipeline.execute()
    excuse_until_now(trial)
    refused = trial.told("refused")
    wait_until(lambda: trial.told("refused") > refused, 10, "signals are refused")
    time.sleep(size["broken_s"])
    store.delete(evidence.STREAM)


ACTS = {
    "flushall": flush_all,
    "stream": delete_stream,
    "group": destroy_group,
    "scripts": flush_scripts,
    "type": other_type,
}


def out_of_memory(size):
    """maxmemory below what is used, with a backlog; workers were there before, or come then"""
    with Fleet(apis=2, workers=3, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        trial.connections_lost = True
        for worker in fleet.workers:
            worker.terminate() if size["restarted"] else worker.send(signals.SIGSTOP)
        trial.produce(count=size["signals"], batch=500, connections=4).wait_accepted(size["signals"], 120)
        producer = trial.produce(rate=size["rate"])
        producer.wait_accepted(size["rate"] // 4)
        trial.loaded_from_ms = wall_ms()
        with trial.fault():
            fleet.store.config_set("maxmemory", int(fleet.store.info("memory")["used_memory"] * 0.9))
            wait_until(lambda: producer.told["refused"] > 0, 20, "signals are refused")
            for worker in fleet.workers:
                worker.start() if size["restarted"] else worker.send(signals.SIGCONT)
            try:
                trial.wait_idle(size["drain_s"])
            except AssertionError as error:
                trial.claim(False, "I6", f"out of memory: {error}")
            accepted = producer.told["accepted"]
            time.sleep(0.3)
            trial.claim(producer.told["accepted"] == accepted, "I1", "signals were accepted while Redis was out of memory")
            fleet.store.config_set("maxmemory", 0)
        producer.wait_accepted(accepted + size["rate"] // 2)
        trial.claim(all(api.starts == 1 for api in fleet.apis), "I6", "an API was started again")
        return trial.finish()


def rolled_back(size):
    """threats:log is cut off, gone, or older than what an API has read"""
    unchecked = {"catalog": "the log no longer tells of all"}
    if size["act"] == "older":
        unchecked = {"I5": "the store is an older one"}
    with Fleet(apis=2, workers=3, redis_options=PERSISTENCE["always"], SOC_RETENTION_THREATS=0) as fleet:
        with Trial(fleet, rest_s=size["rest_s"], unchecked=unchecked) as trial:
            settle(trial)
            trial.produce(rate=size["rate"])
            wait_flowing(trial)
            for _ in range(size["times"]):
                resets = trial.resets_heard()
                trial.sampler.paused = size["act"] == "older"
                ROLL_BACKS[size["act"]](trial)
                wait_flowing(trial, 3)  # an API looks every two seconds whether its log is still the one it read
                if size["act"] == "older":
                    told = resets + len(fleet.apis)
                    wait_until(lambda: trial.resets_heard() >= told, 10 * TIME_SCALE, "every watcher starts over")
                trial.sampler.paused = False
            return trial.finish()


# The rows that the act destroys are the auditor's only trace of them.
TAKE_LOG = """
local lines = redis.call('XRANGE', KEYS[1], '-', '+')
if ARGV[1] == 'gone' then redis.call('DEL', KEYS[1]) else redis.call('XTRIM', KEYS[1], 'MAXLEN', 0) end
local out = {}
for i, row in ipairs(lines) do
    local field = {}
    for f = 1, #row[2], 2 do field[row[2][f]] = row[2][f + 1] end
    out[i] = row[1] .. ' ' .. field.kind .. ' ' .. field.id .. ' 0'
end
return table.concat(out, '\\n')
"""


def take_log(trial, act):
    with trial.fault():
        text = trial.fleet.store.eval(TAKE_LOG, 1, evidence.LOG, act)
    trial.saved_rows += evidence.parse_rows(text)


def bring_older(trial):
    """As after a restore from a backup: Redis comes back as it was before."""
    redis, folder = trial.fleet.redis, trial.fleet.folder
    trial.connections_lost = True
    at_ms = wall_ms()
    shutil.rmtree(folder / "backup", ignore_errors=True)
    shutil.copytree(folder / "appendonlydir", folder / "backup")
    wait_flowing(trial, 1)
    with trial.fault():
        redis.kill()
        trial.may_lose.append((at_ms - EVERYSEC_WINDOW_MS, wall_ms()))
        shutil.rmtree(folder / "appendonlydir")
        shutil.copytree(folder / "backup", folder / "appendonlydir")
        redis.start()
        wait_until(redis.answers, 30, "Redis answers")
    for program in trial.fleet.programs:
        program.wait_ready()


ROLL_BACKS = {
    "cut": lambda trial: take_log(trial, "cut"),
    "gone": lambda trial: take_log(trial, "gone"),
    "older": bring_older,
}
