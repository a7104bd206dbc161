"""Start the Triton server that the `nvidia-pytriton` wheel carries, with the backend in `backends/onnxruntime`.

Run it with the interpreter of the environment that holds the wheel and ONNX Runtime; nothing else is needed:

    .venv-triton/bin/python deploy/triton/launch.py --model-repository model_repository

The process turns into the server itself (same process id), so signals and the exit status are the server's own.
What stands after `--` goes to the server unchanged. `--check` only says whether the server could be started here.

With a control key (VID2VID_TRITON_CONTROL_KEY, or a file named by `--control-key-file`) the calls that change or reveal
what the server serves are refused without it; health, metadata and inference need none.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes.util
import filecmp
import importlib.util
import os
import re
import shutil
import socket
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

OUR_BACKENDS = Path(__file__).resolve().parent / "backends"

SHM_DIRECTORY = Path("/dev/shm")  # noqa: S108 - where Triton's Python backend puts its regions.

SHM_STEP_BYTES = 8 * 1024 * 1024
"""First size and growth of the memory shared with a stub; the default of 1 MiB grows too often for pictures."""

CONTROL_KEY_VARIABLE = "VID2VID_TRITON_CONTROL_KEY"

CONTROL_KEY_NAME = "vid2vid-control"
"""How the key is called: in HTTP's header as it stands, in gRPC's after `triton-grpc-protocol-`."""

RESTRICTED = "model-repository,shared-memory,trace,logging"
"""What needs the key. Free are health, metadata, inference and model-config, which a render needs, and statistics,
which say no more than the metrics."""

CONTROL_KEY_FORM = re.compile(r"[A-Za-z0-9_-]{16,128}")

PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


class LaunchError(Exception):
    """The server can't be started here; the message says what is missing and is shown as it is."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Check the machine, arrange the backend directory and become the server."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        backends = arrange_backends(Path(sys.prefix) / "triton-backends")
        if options.check:
            print(f"Triton server: {server_root() / 'bin' / 'tritonserver'}")
            sys.exit(0)
        if not options.model_repository.is_dir():
            raise LaunchError(f"--model-repository {options.model_repository} is not a folder")
        for setting, address, port in listening(options):
            require_free_port(setting, address, port)
        control_key = read_control_key(options.control_key_file)
    except (LaunchError, OSError) as error:
        sys.exit(f"triton: {error}")
    remove_stale_regions(options.grpc_port)
    command = server_command(options, backends, control_key)
    sys.stdout.flush()
    os.execve(command[0], command, server_environment(backends))  # noqa: S606 - an argument list of our own


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; every port has its default, loopback is the default address."""
    parser = argparse.ArgumentParser(prog="launch.py", description=__doc__, add_help=True)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--model-repository", type=Path, default=Path("model_repository"), metavar="DIR")
    parser.add_argument("--address", default="127.0.0.1", help="where gRPC and HTTP listen (default: %(default)s)")
    parser.add_argument("--grpc-port", type=int, default=8001, help="default: %(default)s")
    parser.add_argument("--http-port", type=int, default=0, help="0 switches HTTP off (default: %(default)s)")
    parser.add_argument("--metrics-address", default=None, help="default: the value of --address")
    parser.add_argument("--metrics-port", type=int, default=8002, help="0 switches metrics off (default: %(default)s)")
    parser.add_argument("--exit-timeout-secs", type=int, default=30, help="time to finish requests on SIGTERM")
    parser.add_argument(
        "--control-key-file",
        type=Path,
        metavar="FILE",
        help=f"file with the control key; default ${CONTROL_KEY_VARIABLE}",
    )
    parser.add_argument("--check", action="store_true", help="only say whether the server could be started")
    parser.add_argument("server_arguments", nargs="*", metavar="-- SERVER ARGUMENTS", help="passed on unchanged")
    return parser.parse_args(arguments)


def listening(options: argparse.Namespace) -> list[tuple[str, str, int]]:
    """Setting, address and port of each socket that the server will open."""
    sockets = [
        ("--grpc-port", options.address, options.grpc_port),
        ("--http-port", options.address, options.http_port),
        ("--metrics-port", options.metrics_address or options.address, options.metrics_port),
    ]
    return [entry for entry in sockets if entry[2] != 0]


def require_free_port(setting: str, address: str, port: int) -> None:
    """Refuse a port that something else listens on; the server itself says only "failed to start gRPC service"."""
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise LaunchError(f"can't listen on {address}:{port} ({error.strerror}); set {setting}") from error


def read_control_key(path: Path | None) -> str:
    """The control key from its file or from the environment; empty for none."""
    if path is None:
        source, key = CONTROL_KEY_VARIABLE, os.environ.get(CONTROL_KEY_VARIABLE, "")
        if not key:
            return ""
    else:
        try:
            source, key = f"--control-key-file {path}", path.read_text(encoding="ascii", errors="replace").strip()
        except OSError as error:
            raise LaunchError(f"--control-key-file {path}: {error.strerror}") from error
    if not CONTROL_KEY_FORM.fullmatch(key):
        raise LaunchError(f"{source}: allowed are 16 to 128 of A-Z, a-z, 0-9, '-' and '_'")  # The key is not shown.
    return key


def server_root() -> Path:
    """Folder of the server inside the wheel, found without importing the wheel's package."""
    spec = importlib.util.find_spec("pytriton")
    if spec is None or not spec.submodule_search_locations:
        raise LaunchError(f"nvidia-pytriton is not installed for {sys.executable}")
    return Path(spec.submodule_search_locations[0]) / "tritonserver"


def stub_path() -> Path:
    """The stub process for this interpreter's version."""
    stubs = server_root() / "python_backend_stubs"
    stub = stubs / PYTHON_VERSION / "triton_python_backend_stub"
    if not stub.is_file():
        raise LaunchError(f"no Python backend for Python {PYTHON_VERSION} in {stubs}; take 3.11, 3.12 or 3.13")
    return stub


def libpython_path() -> Path | None:
    """The interpreter as a shared library, which the stub is linked to; None where the loader finds it by itself.

    Interpreters built from source keep it in their own LIBDIR; Debian's is a package of its own.
    """
    if PYTHON_VERSION == "3.13":
        return None  # The wheel brings its own for this stub.
    name = f"libpython{PYTHON_VERSION}.so.1.0"
    beside = Path(str(sysconfig.get_config_var("LIBDIR"))) / name
    if beside.is_file():
        return beside
    if ctypes.util.find_library(f"python{PYTHON_VERSION}"):
        return None
    raise LaunchError(f"{name} not found; on Debian and Ubuntu: apt-get install libpython{PYTHON_VERSION}")


def arrange_backends(target: Path) -> Path:
    """Fill `target`: NVIDIA's python backend with the stub beside it, our onnxruntime backend, libpython.

    Done again only when something in it is outdated, so that a read-only environment works once it has been prepared
    with `--check`.
    """
    copies, links = backend_copies(), backend_links()
    if all(same_file(target / name, path) for name, path in (copies | links).items()):
        return target
    staging = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    staging.chmod(0o755)
    for name, path in copies.items():
        (staging / name).parent.mkdir(exist_ok=True)
        shutil.copy2(path, staging / name)
    for name, path in links.items():
        (staging / name).parent.mkdir(exist_ok=True)
        (staging / name).symlink_to(path)
    shutil.rmtree(target, ignore_errors=True)
    try:
        staging.rename(target)
    except OSError:  # Another launcher was faster; its files are the same.
        shutil.rmtree(staging)
    return target


def backend_copies() -> dict[str, Path]:
    """Name in the backend directory -> file to copy: Triton refuses a library that is a link to elsewhere."""
    python = server_root() / "backends" / "python"
    copies = {f"python/{name}": python / name for name in ("libtriton_python.so", "triton_python_backend_utils.py")}
    copies["python/triton_python_backend_stub"] = stub_path()
    return copies


def backend_links() -> dict[str, Path]:
    """Name in the backend directory -> folder or file that it stands for."""
    links = {"onnxruntime": OUR_BACKENDS / "onnxruntime"}
    library = libpython_path()
    if library is not None:
        links[f"lib/{library.name}"] = library
    return links


def same_file(existing: Path, source: Path) -> bool:
    """Whether `existing` is `source` itself, or a copy of the same size and time."""
    try:
        return existing.samefile(source) or (not existing.is_dir() and filecmp.cmp(existing, source))
    except OSError:
        return False


def region_prefix(grpc_port: int) -> str:
    """Name of the shared memory regions of the server on this port, so that leftovers can be told from others'."""
    return f"vid2vid_triton_{grpc_port}_"


def remove_stale_regions(grpc_port: int) -> None:
    """Delete what a server that was killed on this port has left in shared memory; the port is known to be free."""
    for region in SHM_DIRECTORY.glob(f"{region_prefix(grpc_port)}*"):
        with contextlib.suppress(OSError):
            region.unlink()


def server_command(options: argparse.Namespace, backends: Path, control_key: str) -> list[str]:
    """The server's argument list; `README.md` beside this file says why each flag is there."""
    shared_memory = {
        "shm-region-prefix-name": region_prefix(options.grpc_port),
        "shm-default-byte-size": str(SHM_STEP_BYTES),
        "shm-growth-byte-size": str(SHM_STEP_BYTES),
    }
    return [
        str(server_root() / "bin" / "tritonserver"),
        f"--model-repository={options.model_repository.resolve()}",
        f"--backend-directory={backends}",
        "--model-control-mode=explicit",
        "--load-model=*",
        "--disable-auto-complete-config",
        "--exit-on-error=false",
        "--strict-readiness=false",
        f"--exit-timeout-secs={options.exit_timeout_secs}",
        f"--grpc-address={options.address}",
        f"--grpc-port={options.grpc_port}",
        *endpoint("http", options.address, options.http_port),
        *endpoint("metrics", options.metrics_address or options.address, options.metrics_port),
        *restriction("grpc", "protocol", control_key),
        *(restriction("http", "api", control_key) if options.http_port else []),
        *(f"--backend-config=python,{name}={value}" for name, value in shared_memory.items()),
        *options.server_arguments,
    ]


def endpoint(name: str, address: str, port: int) -> list[str]:
    """Flags of an endpoint that port 0 switches off."""
    if port == 0:
        return [f"--allow-{name}=false"]
    return [f"--{name}-address={address}", f"--{name}-port={port}"]


def restriction(endpoint_name: str, unit: str, control_key: str) -> list[str]:
    """The flag that has an endpoint ask for the control key. The server knows no other way than its command line."""
    if not control_key:
        return []
    return [f"--{endpoint_name}-restricted-{unit}={RESTRICTED}:{CONTROL_KEY_NAME}={control_key}"]


def server_environment(backends: Path) -> dict[str, str]:
    """Environment in which server and stubs find their libraries and this interpreter's packages."""
    dropped = ("PYTHONHOME", "PYTHONPATH", CONTROL_KEY_VARIABLE)
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    libraries = [str(backends / "lib"), str(server_root().parent.parent / "nvidia_pytriton.libs")]
    inherited = environment.get("LD_LIBRARY_PATH")
    environment["LD_LIBRARY_PATH"] = os.pathsep.join(libraries + ([inherited] if inherited else []))
    # The interpreter inside a stub looks for `python3` on the path to find out which environment it belongs to.
    environment["PATH"] = os.pathsep.join([str(Path(sys.prefix) / "bin"), environment.get("PATH", os.defpath)])
    environment["PYTHONPATH"] = os.pathsep.join(
        dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    )
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return environment


if __name__ == "__main__":
    main()
