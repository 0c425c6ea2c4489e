"""Runs one fault test: for scripts/fault and for pytest."""

import shutil

import fleet
from trial import Skipped


class Kept(list):
    """Folders of the fleets of one test, kept until its outcome is known."""

    def __enter__(self):
        self.real = fleet.Fleet.abandon

        def abandon(one):
            one.keep = True
            self.append(one.folder)
            self.real(one)

        fleet.Fleet.abandon = abandon
        return self

    def __exit__(self, *_):
        fleet.Fleet.abandon = self.real

    def drop(self):
        for folder in self:
            shutil.rmtree(folder, ignore_errors=True)


def run_row(row, short, keep=False):
    """(outcome: held, failed or skipped; why; figures, None when there are none)"""
    with Kept() as folders:
        outcome, words, figures = attempt(row, short)
    if outcome == "failed" and keep:
        words += f"\nlogs: {' '.join(str(folder) for folder in folders)}"
        print("    logs: " + " ".join(str(folder) for folder in folders), flush=True)
    else:
        folders.drop()
    return outcome, words, figures


def attempt(row, short):
    try:
        trial = row.run(row.size(short))
    except Skipped as why:
        return "skipped", str(why), None
    except Exception as error:  # a test that breaks off must not end the run
        return "failed", f"{type(error).__name__}: {error}", None
    figures = trial.summary()
    words = "\n".join(f"{invariant}: {one}" for invariant, broken in trial.broken.items() for one in broken)
    return ("failed" if trial.broken else "held"), words, figures
