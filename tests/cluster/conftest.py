import os
import pathlib
import sys

sys.dont_write_bytecode = True
for folder in ("integration", "fault", "chart"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import pytest  # noqa: E402

from cluster import Cluster, Release  # noqa: E402


class Report:
    """report.md: what each test measured, also when a later one fails."""

    def __init__(self, path):
        self.path = path

    def say(self, text):
        print(text, flush=True)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(text + "\n")


def report_folder():
    return pathlib.Path(os.environ["SOC_CLUSTER_REPORT"])


made = []  # the releases of the module that runs


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """The logs of a failed test's releases are kept: they go with the namespaces."""
    outcome = yield
    if outcome.get_result().failed:
        for release in made:
            release.save_logs(report_folder() / "logs" / item.name / release.namespace)


@pytest.fixture(scope="session")
def session_report():
    path = report_folder() / "report.md"
    path.write_text("# Cluster test\n", encoding="utf-8")
    return Report(path)


@pytest.fixture
def report(session_report, request):
    session_report.say(f"\n## {request.node.name.removeprefix('test_').replace('_', ' ')}\n")
    return session_report


@pytest.fixture(scope="session")
def cluster():
    return Cluster()


@pytest.fixture(scope="module")
def make_release(cluster):
    """make_release(name, *values) → a release in an empty namespace, not yet installed; removed at the end."""

    def make(name, *values):
        release = Release(cluster, name, values)
        release.make_namespace()
        made.append(release)
        return release

    yield make
    for release in made:
        if cluster.keep:
            release.kubectl("delete", "ingress", "--all")  # the next one answers there
        else:
            release.remove()
    made.clear()


@pytest.fixture(scope="module")
def deploy(make_release):
    """deploy(name, *values) → make_release's, installed and answering."""

    def deployed(name, *values):
        release = make_release(name, *values)
        release.install()
        release.wait_answering()
        return release

    return deployed
