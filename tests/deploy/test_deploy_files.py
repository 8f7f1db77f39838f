"""What the deploy files say is what Ray, Compose and the settings understand; no container engine runs here."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import ray.autoscaler
import yaml
from ray.serve.schema import ServeDeploySchema

from cluster.lifecycle_keeper import RAY_FOLDER
from cluster.lifecycle_ray import SOCKET_BELOW_TEMP, SOCKET_PATH_MAX
from cluster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "cluster" / "deploy"
TEXTS = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
LAUNCHER_FILES = sorted(DEPLOY.glob("cluster.*.yaml"))
SERVE_CONFIGS = sorted(ROOT.glob("ray_config*.yaml"))
NAMED_SETTING = re.compile(r"DECALOGO_[A-Z0-9_]+")


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def _evaluators(config: dict[str, Any]) -> dict[str, Any]:
    (found,) = (
        deployment
        for application in config["applications"]
        for deployment in application.get("deployments", [])
        if deployment["name"] == "Evaluator"
    )
    return found


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


@pytest.mark.parametrize("path", SERVE_CONFIGS, ids=lambda path: path.name)
def test_serve_understands_its_configuration(path: Path) -> None:
    """Serve's own schema takes it, and refuses what it does not know; every import path exists."""
    config = ServeDeploySchema.model_validate(_yaml(path))
    for application in config.applications:
        module, _, name = application.import_path.partition(":")
        source = (ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8")
        assert f"def {name}(" in source


def test_clusters_run_the_same_applications_with_a_larger_pool() -> None:
    """8 to 64 evaluators, each of a whole core, so that a lack of cores is what the autoscaler sees."""
    one, many = (_yaml(ROOT / name) for name in ("ray_config.yaml", "ray_config.cluster.yaml"))
    routes = [
        [(app["name"], app["route_prefix"]) for app in config["applications"]] for config in (one, many)
    ]
    assert routes[0] == routes[1]
    pool = _evaluators(many)
    assert pool["autoscaling_config"]["min_replicas"] == 8
    assert pool["autoscaling_config"]["max_replicas"] == 64
    assert pool["ray_actor_options"]["num_cpus"] == 1
    longest = Settings.load().hard_limit_seconds + Settings.load().lease_seconds
    assert pool["graceful_shutdown_timeout_s"] >= longest


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    """A variable that names no setting would stop the service."""
    known = {f"DECALOGO_{name.upper()}" for name in Settings.model_fields}
    # In prose a pair is written as `…_MIN and _MAX`.
    assert set(NAMED_SETTING.findall(path.read_text("utf-8"))) <= known


@pytest.mark.parametrize("path", LAUNCHER_FILES, ids=lambda path: path.name)
def test_rays_launcher_understands_its_files(path: Path) -> None:
    """The schema that Ray itself checks `ray up` with."""
    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text("utf-8"))
    config = _yaml(path)
    jsonschema.validate(config, schema)
    assert any("--autoscaling-config=~/ray_bootstrap_config.yaml" in line for line in _strings(config))


def test_the_cloud_has_room_for_the_whole_pool() -> None:
    """Largest pool = most nodes times cores of one, in both ways to a cluster that grows."""
    most = _evaluators(_yaml(ROOT / "ray_config.cluster.yaml"))["autoscaling_config"]["max_replicas"]
    aws = _yaml(DEPLOY / "cluster.aws.yaml")["available_node_types"]["evaluators"]
    assert aws["max_workers"] * aws["resources"]["CPU"] >= most
    (group,) = _yaml(DEPLOY / "rayservice.yaml")["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    (container,) = group["template"]["spec"]["containers"]
    assert group["maxReplicas"] * int(container["resources"]["limits"]["cpu"]) >= most


@pytest.mark.parametrize("path", LAUNCHER_FILES, ids=lambda path: path.name)
def test_commands_of_the_launcher_are_shell(path: Path) -> None:
    """Each start command can be parsed, and calls only Ray's commands and modules that exist."""
    config = _yaml(path)
    for command in (*config["head_start_ray_commands"], *config["worker_start_ray_commands"]):
        subprocess.run(["bash", "-n", "-c", command], check=True)
        for module in re.findall(r"python -m ([a-z_.]+)", command):
            assert (ROOT / f"{module.replace('.', '/')}.py").is_file()


def test_kubernetes_gets_the_configuration_of_clusters() -> None:
    """What stands in the RayService is ``ray_config.cluster.yaml``; its environment loads as settings."""
    service = _yaml(DEPLOY / "rayservice.yaml")
    assert (service["apiVersion"], service["kind"]) == ("ray.io/v1", "RayService")
    assert yaml.safe_load(service["spec"]["serveConfigV2"]) == _yaml(ROOT / "ray_config.cluster.yaml")
    cluster = service["spec"]["rayClusterConfig"]
    assert cluster["rayVersion"] == ray.__version__
    head, worker = cluster["headGroupSpec"], cluster["workerGroupSpecs"][0]
    for group in (head, worker):
        (container,) = group["template"]["spec"]["containers"]
        names = [variable["name"] for variable in container["env"]]
        assert len(set(names)) == len(names)
        values = {each["name"]: each["value"] for each in container["env"] if "value" in each}
        chosen = {name.removeprefix("DECALOGO_").lower(): value for name, value in values.items()}
        settings = Settings.load(**{name: chosen[name] for name in chosen if name in Settings.model_fields})
        assert settings.evaluators_max == 64
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    # Nothing that works on a document is cut before it could end.
    assert worker["template"]["spec"]["terminationGracePeriodSeconds"] >= settings.hard_limit_seconds
    assert service["spec"]["rayClusterDeletionDelaySeconds"] >= settings.hard_limit_seconds


def test_compose_is_whole() -> None:
    """Every file, volume, network and dependency that is named is there, and nothing listens beyond loopback."""
    compose = _yaml(DEPLOY / "compose.yaml")
    services = compose["services"]
    assert set(services) == {"redis", "decalogo", "prometheus", "grafana"}
    for service in services.values():
        assert set(service.get("depends_on", [])) <= set(services)
        assert set(service.get("networks", [])) <= set(compose["networks"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in compose["volumes"]
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
    build = services["decalogo"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


def test_prometheus_of_compose_watches_what_the_other_does() -> None:
    """The same jobs, intervals and rules as ``cluster/prometheus.yml``, only with a key and the container's paths."""
    one, container = (
        _yaml(path) for path in (ROOT / "cluster" / "prometheus.yml", DEPLOY / "prometheus.yaml")
    )
    assert one["global"] == container["global"]
    jobs = [{job["job_name"]: job for job in each["scrape_configs"]} for each in (one, container)]
    assert list(jobs[0]) == list(jobs[1])
    assert jobs[0]["decalogo"]["static_configs"] == jobs[1]["decalogo"]["static_configs"]
    mounts = _yaml(DEPLOY / "compose.yaml")["services"]["prometheus"]["volumes"]
    inside = [mount.split(":")[1] for mount in mounts]
    named = [*container["rule_files"], *jobs[1]["ray"]["file_sd_configs"][0]["files"]]
    assert all(any(path.startswith(f"{mount}/") for mount in inside) for path in named)


def _instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(kind, rest) for kind, _, rest in (line.partition(" ") for line in lines) if kind]


def test_all_that_the_image_copies_is_there_and_not_ignored() -> None:
    """Each source of a COPY exists and passes ``.dockerignore``, which lets nothing else through."""
    allowed = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    ]
    for kind, rest in _instructions():
        if kind == "COPY":
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists()
                assert any(Path(source).match(pattern) for pattern in allowed), source


def test_the_copied_files_are_enough_to_load_the_service(tmp_path: Path) -> None:
    """In a folder with nothing but what the image has, the command line, the configuration and every node start."""
    for kind, rest in _instructions():
        if kind == "COPY":
            *sources, target = rest.split()
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, tmp_path / target)
                else:
                    shutil.copy(ROOT / source, tmp_path / target)
    environment = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(tmp_path),
        "DECALOGO_DATA_DIR": str(tmp_path / "data"),
    }
    loads = "import cluster, serve_app.upload; print(cluster.__file__)"
    calls = ([sys.executable, "-m", "serve_app.cli.main", "--help"], [sys.executable, "-c", loads])
    for call in calls:
        done = subprocess.run(
            call, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True, timeout=120
        )
    assert done.stdout.startswith(str(tmp_path))
    lines = subprocess.run(
        [sys.executable, "-m", "cluster.node_environment"],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    made = dict(shlex.split(line)[1].split("=", 1) for line in lines.splitlines())
    assert made["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    assert os.access(made["RAY_SERVE_HAPROXY_BINARY_PATH"], os.X_OK)


@pytest.mark.skipif(sys.platform != "linux", reason="the linter comes for Linux only")
def test_the_image_has_no_known_fault() -> None:
    """Hadolint finds nothing above the level of a remark."""
    hadolint = Path(sys.executable).with_name("hadolint")
    subprocess.run([hadolint, "--failure-threshold", "warning", DEPLOY / "Dockerfile"], check=True)


def test_the_unit_of_systemd_keeps_what_operators_read_where_they_see_it() -> None:
    """Ray's folder is no part of a private /tmp, and its path is short enough; the code that needs a decision stays."""
    lines = (ROOT / "cluster" / "decalogo.service").read_text("utf-8").splitlines()
    said = [line.partition("=") for line in lines if "=" in line and not line.startswith("#")]
    environment = dict(value.split("=", 1) for name, _, value in said if name == "Environment")
    values = {name: value for name, _, value in said}
    folders = [Path("/var/lib", name) for name in values["StateDirectory"].split()]
    assert Path(environment["TMPDIR"]) in folders
    assert Path(environment["DECALOGO_DATA_DIR"]) in folders
    # A socket below it, as the service itself reckons.
    own = len(f"/pdm-12345678/{RAY_FOLDER}") + SOCKET_BELOW_TEMP
    assert len(environment["TMPDIR"]) + own <= SOCKET_PATH_MAX
    assert values["RestartPreventExitStatus"] == "7"


def test_the_environment_of_a_cluster_opens_its_proxies() -> None:
    """A node that was given the variables that the guide and the launcher's file name does not listen on loopback."""
    for path in (ROOT / "docs" / "scale.md", DEPLOY / "cluster.local.yaml"):
        text = path.read_text("utf-8")
        assert "DECALOGO_HTTP_HOST=0.0.0.0" in text
        assert "RAY_REDIS_ADDRESS" in text
        assert "RAY_AUTH_TOKEN" in text
