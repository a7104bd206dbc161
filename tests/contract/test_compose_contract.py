"""The Compose files: closed by default, started in order of health, one set of services for both kinds of host."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.compose import COMMON, CPU, GPU, ROOT, VARIABLE, Service, environment, interpolated, load, services
from vid2vid_landmarks.settings import LandmarksSettings
from vid2vid_renderer.settings import RendererSettings
from vid2vid_trainer.settings import TrainerSettings

RUNNING = ("landmarks", "triton", "renderer")
ALL = (*RUNNING, "trainer")
BOTH = pytest.mark.parametrize("file", [CPU, GPU])
PASSED_ON = {"VID2VID_RENDERER_TLS_CERTIFICATE", "VID2VID_RENDERER_TLS_KEY", "PIP_EXTRA_INDEX_URL"}
DOCKERFILES = sorted([*ROOT.glob("services/*/Dockerfile"), *ROOT.glob("deploy/*/Dockerfile")])


def launcher() -> ModuleType:
    spec = importlib.util.spec_from_file_location("launch", ROOT / "deploy/triton/launch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["launch"] = module
    spec.loader.exec_module(module)
    return module


@BOTH
def test_stack_has_its_services(file: str) -> None:
    assert set(ALL) <= set(services(file))


@BOTH
@pytest.mark.parametrize("name", ALL)
def test_container_is_closed_and_bounded(file: str, name: str) -> None:
    service = services(file)[name]
    assert service["read_only"] is True
    assert service["user"] == "1000:1000"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all("size=" in mount for mount in service["tmpfs"])
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])
    assert not {"privileged", "network_mode", "pid", "cap_add"} & set(service)


@BOTH
@pytest.mark.parametrize("name", RUNNING)
def test_service_restarts_and_tells_its_health(file: str, name: str) -> None:
    service = services(file)[name]
    assert service["restart"] == "unless-stopped"
    assert service["init"] is True
    assert {"test", "interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])


@BOTH
def test_renderer_and_trainer_wait_for_healthy_peers(file: str) -> None:
    for name in ("renderer", "trainer"):
        conditions = {peer: wanted["condition"] for peer, wanted in services(file)[name]["depends_on"].items()}
        assert conditions == {"landmarks": "service_healthy", "triton": "service_healthy"}


@BOTH
def test_trainer_is_a_job_that_up_leaves_alone(file: str) -> None:
    trainer = services(file)["trainer"]
    assert trainer["profiles"] == ["train"]
    assert trainer["restart"] == "no"


@BOTH
def test_only_the_renderer_is_published_and_only_on_loopback(file: str) -> None:
    ports = {name: interpolated(service["ports"]) for name, service in services(file).items() if "ports" in service}
    assert ports.pop("renderer") == ["127.0.0.1:50052:50052"]
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


@BOTH
def test_only_the_renderer_is_on_a_network_with_a_way_out(file: str) -> None:
    assert load(file)["networks"]["inside"] == {"internal": True}
    attached = {name: services(file)[name]["networks"] for name in ALL}
    assert attached.pop("renderer") == ["inside", "edge"]
    assert all(networks == ["inside"] for networks in attached.values())


@BOTH
def test_model_repository_is_writable_for_the_trainer_alone(file: str) -> None:
    mounts = {
        name: [v for v in service.get("volumes", []) if isinstance(v, str)] for name, service in services(file).items()
    }
    users = {name: mount for name, volumes in mounts.items() for mount in volumes if mount.startswith("models:")}
    assert users == {"trainer": "models:/models", "triton": "models:/models:ro"}


@BOTH
def test_every_variable_stands_in_the_environment_file(file: str) -> None:
    used = {name for part in (COMMON, file) for name in VARIABLE.findall((ROOT / part).read_text())}
    assert used <= set(environment())


def test_every_variable_of_the_environment_file_is_used() -> None:
    used = {name for part in (COMMON, CPU, GPU) for name in VARIABLE.findall((ROOT / part).read_text())}
    assert set(environment()) - used == {"COMPOSE_PROJECT_NAME"}


@pytest.mark.parametrize(
    ("name", "settings", "prefix"),
    [
        ("landmarks", LandmarksSettings, "VID2VID_LANDMARKS_"),
        ("renderer", RendererSettings, "VID2VID_RENDERER_"),
        ("trainer", TrainerSettings, "VID2VID_TRAINER_"),
    ],
    ids=["landmarks", "renderer", "trainer"],
)
def test_services_understand_what_they_are_told(
    name: str,
    settings: type[LandmarksSettings | RendererSettings | TrainerSettings],
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = {key: value for key, value in interpolated(services(CPU)[name]["environment"]).items() if value is not None}
    fields = {key.removeprefix(prefix).lower() for key in told if key.startswith(prefix)}
    assert fields
    assert fields <= set(settings.model_fields)
    for key, value in told.items():
        monkeypatch.setenv(key, str(value))
    settings.from_environment()


def test_stop_grace_is_longer_than_the_drain() -> None:
    values = environment()
    assert float(values["VID2VID_STOP_GRACE"].removesuffix("s")) > float(values["VID2VID_DRAIN_SECONDS"])


def test_gpu_stack_adds_nothing_but_triton_and_gpus() -> None:
    cpu, gpu = load(CPU), load(GPU)
    assert cpu["networks"] == gpu["networks"]
    assert cpu["volumes"] == gpu["volumes"]
    for name in ALL:
        ours, theirs = cpu["services"][name], dict(gpu["services"][name])
        theirs.pop("deploy", None)
        if name == "triton":
            assert theirs == {"extends": {"file": COMMON, "service": "triton-nvidia"}}
        else:
            assert ours == theirs


@pytest.mark.parametrize("name", ["triton", "trainer"])
def test_gpu_is_reserved(name: str) -> None:
    (device,) = interpolated(services(GPU)[name])["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "device_ids": ["0"], "capabilities": ["gpu"]}


def test_nvidias_triton_runs_with_the_launchers_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = launcher()
    monkeypatch.setattr(launch, "server_root", lambda: Path("/opt/tritonserver"))
    options = launch.parse(["--model-repository=/models", "--address=0.0.0.0"])
    key = environment()["VID2VID_TRITON_CONTROL_KEY"]
    assert launch.CONTROL_KEY_FORM.fullmatch(key)
    ours = set(launch.server_command(options, Path("/backends"), key)[1:])
    theirs = set(interpolated(services(GPU)["triton"]["command"])[1:])
    ours_only = {"--backend-directory", "--backend-config", "--allow-http"}
    assert {flag.partition("=")[0] for flag in ours - theirs} == ours_only
    assert theirs - ours == {"--http-address=127.0.0.1", "--http-port=8000"}


def test_nvidias_triton_is_pinned() -> None:
    assert re.fullmatch(r".+/tritonserver:\d\d\.\d\d-py3", environment()["VID2VID_TRITON_IMAGE"])


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_image_is_built_in_stages_and_runs_as_nobody_special(path: Path) -> None:
    text = path.read_text()
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    assert len(stages) > 2
    last = stages[-1]
    assert "USER 1000:1000" in last
    assert "apt-get" not in last
    assert "pip " not in last
    assert re.findall(r"org\.opencontainers\.image\.(\w+)", last) == [
        "title",
        "description",
        "licenses",
        "version",
        "revision",
    ]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_image_builds_with_either_builder(path: Path) -> None:
    text = path.read_text()
    assert "# syntax" not in text
    assert "--mount" not in text
    assert "constraints.txt" in text


def test_every_part_with_a_dockerfile_is_built_by_compose() -> None:
    built = {interpolated(service)["build"]["dockerfile"] for service in services(CPU).values() if "build" in service}
    assert built == {path.relative_to(ROOT).as_posix() for path in DOCKERFILES}


def test_secrets_and_indexes_are_passed_on_only_if_set() -> None:
    common = load(COMMON)["services"]
    handed_on: set[str] = set()
    for service in common.values():
        handed_on |= _without_value(service.get("environment", {}))
        handed_on |= _without_value(service.get("build", {}).get("args", {}))
    assert handed_on == PASSED_ON


def _without_value(mapping: Service) -> set[str]:
    return {name for name, value in mapping.items() if value is None}
