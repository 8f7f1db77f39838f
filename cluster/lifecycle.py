"""The whole service on this node: ``up`` starts it, ``down`` ends exactly what was started, ``status`` looks.

    Valkey (unless REDIS_URL)  →  Ray below its keeper  →  applications  →  HTTP answers

Everything that is needed to find it again stands in ``data_dir/run`` (mode 0700). All functions block.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import httpx
import msgspec
import psutil
import structlog
from filelock import FileLock, Timeout
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from cluster import embedded_redis
from cluster.callback_targets import check_settings as check_callbacks
from cluster.embedded_redis import EmbeddedRedisError, write_secret
from cluster.errors import ServiceError
from cluster.jobs import JobStore
from cluster.lifecycle_processes import descendants, free_ports, is_free
from cluster.lifecycle_ray import (
    LOOPBACK,
    RayPorts,
    RayStartError,
    end_ray,
    living_keeper,
    ray_token,
    start_ray,
)
from cluster.lifecycle_serve import DeployError, ServeClient, await_routes, effective_config, write_config
from cluster.lifecycle_watching import link_watched, unlink_watched
from cluster.open_door import open_door
from cluster.registry_identity import RegistryMismatchError, pair
from cluster.server_check import UNUSABLE, ask_server
from cluster.settings import Settings, SettingsError
from cluster.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cluster.lifecycle_keeper import KeeperState
    from cluster.lifecycle_serve import Replica

log = structlog.get_logger("lifecycle")

SERVICE_FILE = "service.json"
LOCK_FILE = "lifecycle.lock"
LOCK_SECONDS = 300.0
ANSWER_SECONDS = 20.0
"""Serve needs some of them to replace a proxy that died, on a machine with other work."""
PROBE_SECONDS = 5.0
NO_ANSWER = (
    "El servicio está en marcha pero {url} no responde; reinícielo con «decalogo down» y «decalogo up» "
    "(bajo systemd: «systemctl restart decalogo»). Lo recibido se conserva."
)
RAY_STARTS_MAX = 2
"""A port that was free may be taken a second later by anybody on the machine."""

StepCode = Literal["redis", "ray", "applications", "http", "ready"]

_SENTENCES: dict[StepCode, str] = {
    "redis": "Iniciando el registro de trabajos (Valkey)…",
    "ray": "Iniciando Ray…",
    "applications": "Iniciando las aplicaciones…",
    "http": "Esperando la dirección web…",
    "ready": "El servicio está en marcha.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What ``up`` is doing, for whoever waits. ``done`` of ``total`` counts applications, else both are 0."""

    code: StepCode
    sentence: str
    done: int = 0
    total: int = 0


class LifecycleError(RuntimeError):
    """The service did not start. ``sentence`` is Spanish, for the operator; ``detail`` is from logs."""

    def __init__(self, sentence: str, *, detail: str = "") -> None:
        super().__init__(f"{sentence} {detail}".strip())
        self.sentence = sentence
        self.detail = detail


class AnotherRegistryError(LifecycleError):
    """The stored files belong to another registry than the one that answers; nothing was removed."""


class RunningService(msgspec.Struct, frozen=True):
    """Where the service is. ``already_running``: this ``up`` found it and started nothing."""

    http_host: str
    http_port: int
    dashboard_port: int
    metrics_port: int
    ray_address: str
    temp_dir: str
    keeper_pid: int
    started_at: float
    already_running: bool = False

    @property
    def url(self) -> str:
        """Address of the web page and of all routes."""
        return f"http://{self.http_host}:{self.http_port}"

    @property
    def dashboard_url(self) -> str:
        """Address of Ray's dashboard; it asks for the token in ``run/ray-token``."""
        return f"http://{LOOPBACK}:{self.dashboard_port}"


class Footprint(msgspec.Struct, frozen=True):
    """Memory of the whole service: proportional set size (PSS) where the kernel tells it, else RSS."""

    processes: int
    pss_bytes: int
    rss_bytes: int


def up(settings: Settings, *, tell: Callable[[Step], None] = lambda _step: None) -> RunningService:
    """Start the service and return once every route answers; a running one is left as it is.

    Of a running one only an embedded Valkey that has died is started again, with all that it had accepted.
    What an earlier one left behind after a crash is ended and removed first.

    Raises:
        LifecycleError: it does not start; then nothing of it is left running.
        AnotherRegistryError: it must not start with this Redis, or not with these files.
        SettingsError: the settings of callbacks are not valid.
    """
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(settings):
        found = status(settings)
        if found:
            _mend(found, settings)
            return msgspec.structs.replace(found, already_running=True)
        check_callbacks(settings)
        door = open_door(settings)
        if door.refusal:
            raise LifecycleError(door.refusal)
        (log.warning if door.anonymous else log.info)(
            "access", anonymous=door.anonymous, live_keys=door.live_keys
        )
        _end_everything(settings)
        try:
            return _start(settings, tell=tell)
        except BaseException:
            _end_everything(settings)
            raise


def down(settings: Settings) -> bool:
    """End what ``up`` started for this ``data_dir``; stored data stays. False when nothing was there.

    Raises:
        LifecycleError: something of it does not end.
    """
    if not settings.run_dir.exists():
        return False
    with _alone(settings):
        return _end_everything(settings)


def status(settings: Settings) -> RunningService | None:
    """The running service of this ``data_dir``, or None; asks no process, only whether they live."""
    keeper = living_keeper(settings)
    with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
        service = msgspec.json.decode((settings.run_dir / SERVICE_FILE).read_bytes(), type=RunningService)
        if keeper and keeper.identity.pid == service.keeper_pid:
            return service
    return None


def settings_in_force(settings: Settings) -> Settings:
    """The settings that the running service of this ``data_dir`` was started with; ``settings`` when none runs.

    The shell that asks need not be the one that started it.
    """
    keeper = living_keeper(settings)
    process = keeper.identity.process() if keeper else None
    if process is None:
        return settings
    try:
        found = Settings.of_environment(process.environ())
    except (psutil.Error, OSError, SettingsError):
        return settings
    return found.model_copy(update={"data_dir": settings.data_dir})


def answers(service: RunningService, *, patience_seconds: float) -> bool:
    """Whether the address of a running service answers. A proxy that has died is replaced within seconds."""
    deadline = time.monotonic() + patience_seconds
    with httpx.Client(base_url=service.url, trust_env=False, timeout=PROBE_SECONDS) as http:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if http.get("/healthz").is_success:
                    return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(PROBE_SECONDS / 10)


def replicas(settings: Settings) -> Sequence[Replica]:
    """The running processes of all applications; empty when the service does not run.

    Raises:
        DeployError: Serve cannot be reached.
    """
    service = status(settings)
    if service is None:
        return ()
    client = ServeClient(dashboard_port=service.dashboard_port, token=ray_token(settings))
    with contextlib.closing(client):
        return client.applications().replicas


def footprint(settings: Settings) -> Footprint:
    """How much memory the service takes now, Valkey and Ray included; zero when it does not run."""
    found: list[psutil.Process] = []
    keeper = living_keeper(settings)
    process = keeper.identity.process() if keeper else None
    if process:
        found = [process, *descendants(process)]
    address = embedded_redis.running(settings)
    if address:
        found.append(psutil.Process(address.pid))
    sizes = [size for size in map(_memory, found) if size]
    return Footprint(len(sizes), sum(pss for pss, _ in sizes), sum(rss for _, rss in sizes))


# --------------------------------------------------------------------------- parts


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    lock = FileLock(settings.run_dir / LOCK_FILE, timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout as error:
        raise LifecycleError("Otro proceso está iniciando o deteniendo el servicio.") from error
    try:
        yield
    finally:
        lock.release()


def _mend(found: RunningService, settings: Settings) -> None:
    """Start the embedded Valkey of a running service when it has died; say it when the service does not answer."""
    chosen = settings_in_force(settings)
    if chosen.redis_url is None and embedded_redis.running(chosen) is None:
        log.warning("valkey_died")
        # Its clients come back by themselves; what it had accepted stands in its append-only file.
        _start_valkey(chosen)
    if not answers(found, patience_seconds=ANSWER_SECONDS):
        raise LifecycleError(NO_ANSWER.format(url=found.url))


def _start(settings: Settings, *, tell: Callable[[Step], None]) -> RunningService:
    settings = _with_ports(settings)
    if settings.redis_url is None:
        tell(Step("redis", _SENTENCES["redis"]))
        _start_valkey(settings)
    else:
        _require_usable(settings)
    _require_own_registry(settings)
    tell(Step("ray", _SENTENCES["ray"]))
    ports, keeper = _start_ray(settings)
    settings = settings.model_copy(update={"metrics_port": ports.metrics, "dashboard_port": ports.dashboard})
    _deploy(settings, tell=tell)
    service = RunningService(
        http_host=settings.http_host,
        http_port=settings.http_port,
        dashboard_port=ports.dashboard,
        metrics_port=ports.metrics,
        ray_address=f"{LOOPBACK}:{ports.gcs}",
        temp_dir=keeper.temp_dir,
        keeper_pid=keeper.identity.pid,
        started_at=time.time(),
    )
    write_secret(settings.run_dir / SERVICE_FILE, msgspec.json.encode(service))
    link_watched(settings, temp_dir=keeper.temp_dir)
    tell(Step("ready", _SENTENCES["ready"]))
    return service


def _with_ports(settings: Settings) -> Settings:
    for name, port, host in (
        ("HTTP_PORT", settings.http_port, settings.http_host),
        ("DASHBOARD_PORT", settings.dashboard_port, LOOPBACK),
        ("METRICS_PORT", settings.metrics_port, LOOPBACK),
    ):
        if port and not is_free(port, host=host):
            raise LifecycleError(
                f"El puerto {port} está ocupado; libérelo o elija otro con DECALOGO_{name} (0: uno libre)."
            )
    return settings.model_copy(update={"http_port": settings.http_port or free_ports(1)[0]})


def _start_ray(settings: Settings) -> tuple[RayPorts, KeeperState]:
    def once() -> tuple[RayPorts, KeeperState]:
        ports = RayPorts.choose(dashboard=settings.dashboard_port, metrics=settings.metrics_port)
        return ports, start_ray(settings, ports=ports)

    attempts = Retrying(
        stop=stop_after_attempt(RAY_STARTS_MAX),
        retry=retry_if_exception_type(RayStartError),
        before_sleep=lambda state: log.warning("ray_did_not_start", attempt=state.attempt_number),
        reraise=True,
    )
    try:
        return attempts(once)
    except RayStartError as error:
        raise LifecycleError("Ray no se pudo iniciar.", detail=str(error)) from error


def _start_valkey(settings: Settings) -> None:
    try:
        embedded_redis.start(settings)
    except EmbeddedRedisError as error:
        sentence = "El registro de trabajos (Valkey) no se pudo iniciar."
        raise LifecycleError(sentence, detail=str(error)) from error


def _require_usable(settings: Settings) -> None:
    """Refuse an external Redis with which nothing would work, before anything is started."""
    try:
        weaknesses = ask_server(settings)
    except ServiceError as error:
        raise LifecycleError("Redis no responde; revise REDIS_URL y REDIS_PASSWORD.") from error
    for weakness in weaknesses:
        if weakness.code in UNUSABLE:
            raise LifecycleError(weakness.sentence)
        log.warning("redis_weakness", code=weakness.code)


def _require_own_registry(settings: Settings) -> None:
    """Refuse a registry that is not the one of the stored files: its first sweep would remove them."""

    async def ask() -> None:
        store = JobStore.lazily(settings)
        try:
            await pair(store, storage=Storage(settings))
        finally:
            await store.close()

    try:
        asyncio.run(ask())
    except RegistryMismatchError as error:
        raise AnotherRegistryError(str(error)) from error
    except ServiceError as error:
        raise LifecycleError(error.refusal.sentence) from error


def _deploy(settings: Settings, *, tell: Callable[[Step], None]) -> None:
    config = effective_config(settings)
    write_config(settings)
    names = [application["name"] for application in config["applications"]]
    routes = [application["route_prefix"] for application in config["applications"]]
    prefixes = [route for route in routes if route]
    said: set[tuple[int, int]] = set()

    def tell_count(done: int, total: int) -> None:
        if (done, total) not in said:
            said.add((done, total))
            tell(Step("applications", _SENTENCES["applications"], done, total))

    client = ServeClient(dashboard_port=settings.dashboard_port, token=ray_token(settings))
    try:
        tell_count(0, len(names))
        client.deploy(config)
        client.await_running(names, tell=tell_count)
        tell(Step("http", _SENTENCES["http"]))
        await_routes(settings, prefixes=prefixes)
    except DeployError as error:
        raise LifecycleError("Las aplicaciones no se pudieron iniciar.", detail=str(error)) from error
    finally:
        client.close()


def _end_everything(settings: Settings) -> bool:
    ended = end_ray(settings)
    (settings.run_dir / SERVICE_FILE).unlink(missing_ok=True)
    unlink_watched(settings)
    try:
        return embedded_redis.stop(settings) or ended
    except EmbeddedRedisError as error:
        sentence = "El registro de trabajos (Valkey) no se pudo detener."
        raise LifecycleError(sentence, detail=str(error)) from error


def _memory(process: psutil.Process) -> tuple[int, int] | None:
    try:
        info = process.memory_full_info()
    except psutil.Error:
        return None
    return getattr(info, "pss", info.rss), info.rss
