"""The images that `make bench` reads: built once a machine with real tools, kept in a registry's own folder."""

from __future__ import annotations

import functools
import hashlib
import http.server
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.base import debian_base_image
from servers.cache import cache_folder, locked
from servers.engine import DockerEngine, docker_engine_server
from servers.registry import RegistryServer, registry_server
from servers.wheels import download_wheels

SCIENCE = ("scikit-learn==1.7.2", "pandas==2.3.3", "matplotlib==3.10.7", "statsmodels==0.14.5", "pyarrow==21.0.0")
SERVING = ("mlflow-skinny==3.5.0", "polars==1.34.0", "onnxruntime==1.23.1", "opencv-python-headless==4.12.0.88")
VENV = "python3 -m venv /opt/venv"
_PIP = "RUN /opt/venv/bin/pip install --no-cache-dir --no-index --find-links {address} {names}"
_RECIPE = f"1 {SCIENCE} {SERVING} {VENV} {_PIP}"


def kept_folder(recipe: str) -> Path:
    """Return the folder of a registry that holds what this recipe makes, or will."""
    folder = cache_folder() / f"bench-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def science_image() -> Iterator[tuple[RegistryServer, str]]:
    """Run a registry that holds the real image (Debian, scikit-learn, pandas …); give it and `host/path@digest`."""
    folder = kept_folder(_RECIPE)
    told = folder / "digest"
    with registry_server(folder) as registry:
        with locked(folder.name):
            if not told.exists():
                told.write_text(_build(registry))
        yield registry, f"{registry.host}/bench/science@{told.read_text()}"


def _build(registry: RegistryServer) -> str:
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as name, docker_engine_server() as engine:
        folder = Path(name)
        wheels = folder / "wheels"
        wheels.mkdir()
        download_wheels(wheels, *SCIENCE, *SERVING, dependencies=True)
        return _install(engine, folder, wheels, registry)


def _install(engine: DockerEngine, folder: Path, wheels: Path, registry: RegistryServer) -> str:
    """Install the wheels as anybody would, from an index: a folder of links that this very machine serves."""
    context = folder / "context"
    context.mkdir()
    (context / "score.py").write_text("import sklearn\n")
    with _served(wheels) as address:
        lines = [
            f"FROM {debian_base_image(engine).reference}",
            f"RUN {VENV}",
            _PIP.format(address=address, names=" ".join(SCIENCE)),
            _PIP.format(address=address, names=" ".join(SERVING)),
            "COPY score.py /app/score.py",
        ]
        (context / "Dockerfile").write_text("\n".join(lines) + "\n")
        engine.build(context, "gate-bench/science", network="host")
    return engine.push("gate-bench/science", f"{registry.host}/bench/science")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
