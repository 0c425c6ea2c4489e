"""docker-compose.yml, the images' Dockerfiles and the configurations of the tools, read and compared; nothing is started."""

import re
import shutil
import subprocess

import pytest
import yaml

from processes import BUILD, REPOSITORY

STACK = REPOSITORY / "helm/soc-agent/stack"
OURS = {"api": ("soc-api", "SOC_HTTP_PORT"), "worker": ("soc-worker", "SOC_ADMIN_PORT")}
# Its image holds one program and nothing that could ask it: Prometheus watches it instead.
WITHOUT_HEALTHCHECK = {"otel-collector"}
OUTGOING_PORTS_FROM = 32768


def defaults():
    lines = (REPOSITORY / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def with_defaults(text):
    return re.sub(r"\$\{(\w+)\}", lambda found: defaults()[found[1]], text)


def compose_text():
    return (REPOSITORY / "docker-compose.yml").read_text()


SERVICES = yaml.safe_load(with_defaults(compose_text()))["services"]


def config(name):
    return yaml.safe_load((STACK / name).read_text())


def settings_of(program):
    """Defaults by name, as --help prints them."""
    told = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, timeout=20, check=True).stdout
    table = told[told.index("VARIABLE") :].splitlines()
    default_at = table[0].index("DEFAULT")
    return {line.split()[0]: line[default_at:].split()[0] for line in table[1:] if re.match(r"[A-Z]", line)}


@pytest.mark.plain
def test_compose_takes_the_file():
    command = shutil.which("docker-compose")
    if command is None:
        pytest.skip("docker-compose is not installed")
    done = subprocess.run([command, "config", "-q"], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_variable_has_a_default_and_every_default_is_used():
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", compose_text()))
    assert used and used == set(defaults())


def test_the_whole_stack_is_there():
    assert set(SERVICES) == {
        *("api", "worker", "redis", "otel-collector", "jaeger"),
        *("prometheus", "alertmanager", "loki", "promtail", "grafana"),
    }
    assert SERVICES["api"]["deploy"]["replicas"] == SERVICES["worker"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", SERVICES)
def test_image_is_pinned(name):
    tag = SERVICES[name]["image"].partition(":")[2]
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag), f"{name}: {tag!r}"


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_healthcheck_limits_and_few_rights(name):
    service = SERVICES[name]
    assert ("healthcheck" in service) == (name not in WITHOUT_HEALTHCHECK)
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
    assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] or name == "grafana"
    assert set(service["logging"]["options"]) == {"max-size", "max-file", "tag"}


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_the_loopback(name):
    for published in SERVICES[name].get("ports", []):
        address, host, _ = published.split(":")
        assert address == "127.0.0.1"
        assert max(map(int, host.split("-"))) < OUTGOING_PORTS_FROM


def mounts(name):
    """What a service mounts of the host: path and target."""
    pairs = [volume.split(":")[:2] for volume in SERVICES[name].get("volumes", [])]
    return [(source, target) for source, target in pairs if source.startswith(".")]


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name):
    for source, _ in mounts(name):
        assert (REPOSITORY / source).exists(), source


@pytest.mark.parametrize("name", SERVICES)
def test_the_configuration_that_a_command_names_is_mounted(name):
    named = re.findall(r"=(/etc/\S+)", " ".join(SERVICES[name].get("command", [])))
    for path in named:
        ((source, target),) = [(source, target) for source, target in mounts(name) if path.startswith(target + "/")]
        assert (REPOSITORY / source / path.removeprefix(target + "/")).is_file(), path
    assert named or not (STACK / f"{name}.yaml").exists()


@pytest.mark.parametrize("name", OURS)
def test_environment_is_settings_that_the_program_knows(name):
    given = set(SERVICES[name]["environment"])
    assert given <= set(settings_of(OURS[name][0]))
    assert given >= {"REDIS_URL", "LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT"}


@pytest.mark.parametrize("name", OURS)
def test_ports_are_the_program_s_own(name):
    program, setting = OURS[name]
    port = settings_of(program)[setting]
    (job,) = [job for job in config("prometheus.yaml")["scrape_configs"] if job["job_name"] == program]
    (discovery,) = job["dns_sd_configs"]
    assert (discovery["names"], str(discovery["port"])) == ([name], port)
    assert f"/dev/tcp/127.0.0.1/{port} " in SERVICES[name]["healthcheck"]["test"][-1]
    assert f"EXPOSE {port}\n" in (REPOSITORY / f"Dockerfile.{name}").read_text()


def test_redis_keeps_what_it_is_given():
    words = SERVICES["redis"]["command"]
    options = dict(zip(words[1::2], words[2::2]))
    assert options["--protected-mode"] == "no", "it has no password, and its network is its own"
    assert options["--appendonly"] == "yes" and options["--maxmemory-policy"] == "noeviction"
    assert options["--maxmemory"].endswith("mb")
    # The append-only file's rewriting may double the memory.
    assert SERVICES["redis"]["mem_limit"] == "1g" and int(options["--maxmemory"].removesuffix("mb")) <= 512


@pytest.mark.parametrize("path", sorted(STACK.rglob("*.yaml")), ids=lambda path: path.name)
def test_hosts_of_a_configuration_are_services(path):
    text = path.read_text()
    assert yaml.safe_load(text)
    hosts = set(re.findall(r"(?:https?://|\")([a-z][a-z-]*):\d+", text)) - {"localhost", "alert-receiver"}
    assert hosts <= set(SERVICES)


def test_targets_of_prometheus_are_all_that_have_metrics():
    jobs = {job["job_name"] for job in config("prometheus.yaml")["scrape_configs"]}
    assert jobs == {"soc-api", "soc-worker"} | set(SERVICES) - {"api", "worker", "redis", "grafana"}


def test_ids_are_never_labels_in_loki():
    """A label's values open streams: few of them."""

    def stages(node):
        for stage in node:
            ((kind, options),) = stage.items()
            yield kind, options
            if kind == "match":
                yield from stages(options["stages"])

    (scrape,) = config("promtail.yaml")["scrape_configs"]
    found = list(stages(scrape["pipeline_stages"]))
    labels = {name for kind, options in found if kind == "labels" for name in options}
    ids = {name for kind, options in found if kind == "structured_metadata" for name in options}
    assert labels == {"container", "level", "component"}
    assert ids == {"trace_id", "span_id", "threat_id"}


def test_grafana_s_links_lead_to_its_datasources():
    sources = {source["uid"]: source for source in config("grafana/datasources.yaml")["datasources"]}
    assert {uid: source["type"] for uid, source in sources.items()} == {name: name for name in ("prometheus", "jaeger", "loki")}
    assert sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"] == [{"name": "trace_id", "datasourceUid": "jaeger"}]
    assert sources["jaeger"]["jsonData"]["tracesToLogsV2"]["datasourceUid"] == "loki"
    (field,) = sources["loki"]["jsonData"]["derivedFields"]
    assert (field["matcherRegex"], field["datasourceUid"]) == ("trace_id", "jaeger")


def stages_of(name):
    return re.split(r"^FROM ", (REPOSITORY / name).read_text(), flags=re.MULTILINE)[1:]


def test_dockerfiles_share_their_build():
    """The second image's build finds the first one's done."""
    api, worker = stages_of("Dockerfile.api"), stages_of("Dockerfile.worker")
    assert len(api) == 2 and api[0] == worker[0]
    assert api[1].replace("soc-api", "soc-worker").splitlines()[:6] == worker[1].splitlines()[:6]


@pytest.mark.parametrize("name", OURS)
def test_image_runs_its_program_alone_and_not_as_root(name):
    program = OURS[name][0]
    final = stages_of(f"Dockerfile.{name}")[1]
    assert "\nUSER 65532:65532\n" in final
    assert f'ENTRYPOINT ["/usr/local/bin/{program}"]\n' in final
    assert len(re.findall("^COPY --from=build", final, re.MULTILINE)) == 2 and len(re.findall("^COPY", final, re.MULTILINE)) == 2
    version = re.search(r"VERSION (\S+) LANGUAGES", (REPOSITORY / "CMakeLists.txt").read_text())[1]
    assert f"ARG VERSION={version}\n" in final and defaults()["SOC_VERSION"] == version


@pytest.mark.plain
@pytest.mark.parametrize("program", ["soc-api", "soc-worker"])
def test_packages_of_an_image_are_those_that_the_program_loads(program):
    told = subprocess.run([REPOSITORY / "scripts/runtime-packages", BUILD / program], capture_output=True, text=True, timeout=60)
    packages = told.stdout.split()
    assert told.returncode == 0 and {"libc6", "libhiredis0.14"} <= set(packages), told.stderr
    assert not [name for name in packages if name.endswith("-dev")]
