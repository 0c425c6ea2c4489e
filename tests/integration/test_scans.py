"""scripts/scan-secrets on a repository of its own, and scripts/scan-image with stubs for docker and the scanners."""

import os
import shutil
import subprocess

import pytest

from processes import REPOSITORY

pytestmark = pytest.mark.plain

IMAGE = "soc-api:test"
# Put together here, so that this file itself is none.
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
TOKEN = "ghp_" + "a1B2" * 9


def git(folder, *words):
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    name = ("-c", "user.name=t", "-c", "user.email=t@example.test", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *name, *words], cwd=folder, env=environment, check=True, capture_output=True, timeout=20)


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "clean.txt").write_text("nothing here\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def scan_secrets(folder):
    words = [REPOSITORY / "scripts/scan-secrets", "--plain"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=20)


def test_a_clean_repository_passes_and_the_means_are_told(repository):
    done = scan_secrets(repository)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "patterns of our own" in done.stdout and done.stdout.endswith("0 found\n")


def test_a_secret_that_was_deleted_again_is_found_in_history(repository):
    (repository / "key.pem").write_text(KEY + "\n")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "planted")
    git(repository, "rm", "--quiet", "key.pem")
    git(repository, "commit", "--quiet", "-m", "gone")
    done = scan_secrets(repository)
    assert done.returncode == 1
    assert "key.pem: private key" in done.stdout and "1 found" in done.stdout


def test_a_secret_that_is_not_committed_yet_is_found_and_not_printed(repository):
    (repository / "token.txt").write_text(f"first line\ntoken = {TOKEN}\n")
    done = scan_secrets(repository)
    assert done.returncode == 1
    assert "token.txt:2: GitHub token" in done.stdout and TOKEN not in done.stdout


def test_no_repository_is_an_error(tmp_path):
    done = scan_secrets(tmp_path)
    assert done.returncode != 0 and "git repository" in done.stderr


def scan_image(tmp_path, **stubs):
    """The script with these programs, and nothing else that scans."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in stubs.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    for name in ("bash", "dirname", "sed", "tr", "wc", "mkdir"):
        (folder / name).symlink_to(shutil.which(name))
    environment = {"PATH": str(folder), "SOC_SBOM_DIR": str(tmp_path / "lists")}
    words = [REPOSITORY / "scripts/scan-image", IMAGE]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=20)


def docker(updates=":"):
    return f'case "$*" in *dpkg-query*) echo libc6 2.36 ;; *dist-upgrade*) {updates} ;; esac'


@pytest.mark.parametrize("scanner", ["trivy", "grype"])
def test_a_scanner_that_is_there_decides(tmp_path, scanner):
    done = scan_image(tmp_path, docker=docker(), **{scanner: f'echo "{scanner} $*"; exit 1'})
    assert done.returncode == 1
    assert f"{IMAGE} with {scanner}" in done.stdout and f"\n{scanner} " in done.stdout


def test_without_a_scanner_contents_are_listed_and_updates_decide(tmp_path):
    done = scan_image(tmp_path, docker=docker())
    assert done.returncode == 0, done.stderr
    assert "neither trivy nor grype" in done.stdout and "no update pending" in done.stdout
    assert (tmp_path / "lists" / "soc-api_test.packages").read_text() == "libc6 2.36\n"


def test_a_pending_update_fails(tmp_path):
    done = scan_image(tmp_path, docker=docker("echo 'Inst libssl3 [3.0.1] (3.0.2)'"))
    assert done.returncode == 1
    assert "1 updates pending" in done.stdout and "libssl3" in done.stdout


def test_updates_that_cannot_be_told_fail(tmp_path):
    done = scan_image(tmp_path, docker=docker("exit 2"))
    assert done.returncode == 1 and "cannot be told" in done.stderr


def test_an_image_that_is_not_there_is_named(tmp_path):
    done = scan_image(tmp_path, docker="exit 1")
    assert done.returncode == 1 and f"there is no image {IMAGE}" in done.stderr
