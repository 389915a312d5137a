"""Who is measured: no layer, this one, and the three that teams use today, each as its own documentation has it wrap a handler."""

import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

LOCK = Path("requirements/bench-layer.txt")
FOLDER = Path(".bench/layer")
_COMMON = ("awslambdaric",)
_HANDLER = "def handler(event, context):\n    return {'ok': True}\n"
_FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "orders",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_REGION": "eu-west-1",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
    "_HANDLER": "app.handler",
}


@dataclass(frozen=True)
class Contestant:
    """`load` is the code that gives the runtime `handler`; `packages` come from PyPI, `folders` are put before them."""

    name: str
    load: str
    packages: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    zip_bytes: int = 0
    sends_otlp: bool = False

    @property
    def home(self) -> Path:
        return FOLDER / ("-".join(self.packages) or "none")

    @property
    def python(self) -> Path:
        return self.home / "bin/python"

    @property
    def environment(self) -> dict[str, str]:
        path = ":".join(str(folder.absolute()) for folder in (*self.folders, FOLDER / "function"))
        return {**_FUNCTION, **self.settings, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def all_of_them(layer: Path) -> list[Contestant]:
    """Those of PyPI, and the layer's zip with and without the bytecode in it. Installs what is not there yet."""
    (FOLDER / "function").mkdir(parents=True, exist_ok=True)
    (FOLDER / "function/app.py").write_text(_HANDLER)
    ours = {"COLDLIGHT_ENDPOINT": "http://127.0.0.1:1", "COLDLIGHT_HANDLER": "app.handler"}
    load = "import coldlight_lambda; handler = coldlight_lambda.handler"
    size = layer.stat().st_size
    found = [
        Contestant("no layer", "import app; handler = app.handler"),
        Contestant("Coldlight", load, (), ours, (_unpacked(layer, True),), size, sends_otlp=True),
        Contestant("Coldlight, sources alone", load, (), ours, (_unpacked(layer, False),)),
        *_peers(),
    ]
    for contestant in found:
        _install(contestant)
    return found


def _peers() -> list[Contestant]:
    return [
        Contestant(
            "OpenTelemetry",
            "from opentelemetry.instrumentation.auto_instrumentation import initialize\n"
            "initialize(); import app; handler = app.handler",
            (
                "opentelemetry-instrumentation-aws-lambda",
                "opentelemetry-distro",
                "opentelemetry-exporter-otlp-proto-http",
            ),
            {
                "ORIG_HANDLER": "app.handler",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
                "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
                "OTEL_METRICS_EXPORTER": "none",
                "OTEL_LOGS_EXPORTER": "none",
            },
            sends_otlp=True,
        ),
        Contestant(
            "datadog-lambda",
            "from datadog_lambda.handler import handler",
            ("datadog-lambda",),
            {"DD_LAMBDA_HANDLER": "app.handler", "DD_API_KEY": "0" * 32},
        ),
        Contestant(
            "lumigo_tracer",
            "import app; from lumigo_tracer import lumigo_tracer\nhandler = lumigo_tracer(token='t_' + '0123456789abcdef' * 2)(app.handler)",
            ("lumigo_tracer",),
        ),
    ]


def _install(contestant: Contestant) -> None:
    """An environment with bytecode, from the lock, whose hashes are verified."""
    if contestant.python.exists():
        return
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "venv", "--quiet", contestant.home], check=True)
    install: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "--python",
        contestant.python,
        "-c",
        LOCK,
    ]
    subprocess.run([*install, *_COMMON, *contestant.packages], check=True)


def _unpacked(layer: Path, with_bytecode: bool) -> Path:
    folder = FOLDER / ("opt" if with_bytecode else "sources")
    with zipfile.ZipFile(layer) as archive:
        for name in archive.namelist():
            if with_bytecode or name.endswith(".py"):
                archive.extract(name, folder)
    for script in (folder / "coldlight", folder / "extensions/coldlight"):
        if script.exists():
            script.chmod(0o755)
    return folder / "python"


def size_bytes(contestant: Contestant, bare: Contestant) -> int:
    """Of its zip: measured for what comes from PyPI, without bytecode and what the runtime has already."""
    if contestant.zip_bytes or not contestant.packages:
        return contestant.zip_bytes
    target = FOLDER / "size.zip"
    known = {path.name for path in _site(bare).iterdir()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in _site(contestant).rglob("*"):
            inside = path.relative_to(_site(contestant))
            if path.is_file() and path.suffix != ".pyc" and inside.parts[0] not in known:
                archive.write(path, inside)
    size = target.stat().st_size
    target.unlink()
    return size


def _site(contestant: Contestant) -> Path:
    return next((contestant.home / "lib").glob("python3.*")) / "site-packages"
