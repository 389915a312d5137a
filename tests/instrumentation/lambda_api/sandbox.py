"""One sandbox as Lambda runs it: the runtime and the extensions as processes, from init to shutdown, frozen in between.

AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle": a sandbox is frozen once the runtime
and every extension that follows invocations have asked for what comes next; a function that takes too long, or more memory
than it has, is killed, and the sandbox is reset after a SHUTDOWN.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.instrumentation.lambda_api.api import Api, Outcome
from tests.instrumentation.lambda_api.functions import (
    ARN,
    HERE,
    NAME,
    Function,
    environment,
    free_port,
    make_opt,
)

INIT_S, SHUTDOWN_S, RUNTIME_SHUTDOWN_S = 10.0, 2.0, 0.3
SLACK_S = 8.0
"""What a machine that runs other tests besides is waited for longer than Lambda would."""


@dataclass(frozen=True)
class Answer:
    """What the caller gets. `response_s` is until then; `total_s` until the sandbox could take the next one."""

    request_id: str
    body: bytes
    is_error: bool
    response_s: float
    total_s: float

    @property
    def value(self) -> Any:
        return json.loads(self.body)


class Sandbox:
    """A function's sandbox: `invoke` starts it when it has to. `printed` is what the extensions wrote, `logged` the function."""

    def __init__(self, function: Function, folder: Path) -> None:
        self._function = function
        self._opt = make_opt(function, folder)
        self.port = free_port()  # a sandbox has a network of its own; here they share one
        self._api: Api | None = None
        self._runtime: subprocess.Popen[str] | None = None
        self._extensions: list[subprocess.Popen[str]] = []
        self._readers: list[threading.Thread] = []
        self.printed: list[str] = []
        self.logged: list[str] = []
        self.deaths: list[int] = []
        """Exit codes of extensions that ended before they were asked to."""

    @property
    def api(self) -> Api:
        assert self._api is not None
        return self._api

    @property
    def is_up(self) -> bool:
        """Whether the next invocation meets the same processes."""
        return self._api is not None

    @property
    def extension_pid(self) -> int:
        return self._extensions[0].pid

    def start(self) -> None:
        """The init phase: extensions first, and the runtime once they are registered."""
        function = self._function
        self._api = Api(NAME, function.schemas, function.has_telemetry, function.managed)
        if function.layer:
            for script in sorted((self._opt / "extensions").iterdir()):
                self._extensions.append(
                    self._process([str(script)], self._environment(is_extension=True), self.printed)
                )
            api = self._api
            with api.changed:
                is_registered = api.changed.wait_for(
                    lambda: len(api.extensions) == len(self._extensions), INIT_S
                )
            assert is_registered, f"an extension has not registered: {self.printed}"
        self._api.telemetry.tell(
            "platform.initStart",
            {
                "initializationType": "on-demand",
                "phase": "init",
                "functionName": NAME,
                "functionVersion": "$LATEST",
            },
        )
        self._begun = time.monotonic()
        command = [sys.executable, str(HERE / "var_runtime" / function.runtime)]
        if function.layer and function.wrapper:
            command = [str(self._opt / "coldlight"), *command]
        self._runtime = self._process(
            command, self._environment(is_extension=False), self.logged, self._tell_line
        )
        self._finish_init()

    def _finish_init(self) -> None:
        api = self.api
        deadline = time.monotonic() + INIT_S
        workers = self._function.workers or 1
        while not api.runtime.wait_until_asking(0.02, workers) and api.init_error is None:
            assert time.monotonic() < deadline, f"the runtime is not ready: {self.logged}"
            if self._runtime is not None and self._runtime.poll() is not None and api.init_error is None:
                api.init_error = b"{}"
        for extension in list(api.extensions.values()):
            assert extension.waiter.wait_until_asking(INIT_S), (
                f"{extension.name} is not ready: {self.printed}"
            )
        status = "error" if api.init_error is not None else "success"
        duration_ms = (time.monotonic() - self._begun) * 1000
        phase = {"initializationType": "on-demand", "phase": "init", "status": status}
        api.telemetry.tell("platform.initRuntimeDone", phase)
        api.telemetry.tell("platform.initReport", {**phase, "metrics": {"durationMs": duration_ms}})

    def _environment(self, is_extension: bool) -> dict[str, str]:
        return environment(self._function, self.api.address, self._opt, self.port, is_extension)

    def _process(
        self, command: list[str], environment: dict[str, str], lines: list[str], tell: Any = None
    ) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=self._function.task_root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

        def read() -> None:
            assert process.stdout
            with process.stdout:
                for line in process.stdout:
                    lines.append(line)
                    if tell is not None:
                        tell(line)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self._readers.append(reader)
        return process

    def _tell_line(self, line: str) -> None:
        """A line of the function's log; one of JSON is an object where the function logs JSON."""
        record: Any = line
        if self._function.log_format == "JSON":
            try:
                record = json.loads(line)
            except ValueError:
                record = {"timestamp": "2026-01-02T00:00:00.000Z", "level": "INFO", "message": line.rstrip()}
        self.api.telemetry.tell("function", record)

    def invoke(self, event: Any = None, request_id: str = "", trace: str = "", context: str = "") -> Answer:
        """An invocation, from its start to the moment when the sandbox is frozen, or reset. An event of bytes is sent as it is."""
        if self._api is None:
            self.start()
        self._signal(signal.SIGCONT)
        api, request_id = self.api, request_id or str(uuid.uuid4())
        api.telemetry.freeze(False)
        if api.init_error is not None:
            self._reset("failure")
            return Answer(request_id, api.init_error, True, 0.0, 0.0)
        trace = (
            trace
            or f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0"
        )
        begun = time.monotonic()
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        self._begin(request_id, body, trace, context)
        failure = self._wait_for_outcome(request_id, begun)
        response_s = time.monotonic() - begun
        if not failure:
            failure = self._wait_for_tail(request_id, begun)
        total_s = time.monotonic() - begun
        self._tell_end(request_id, failure, total_s)
        outcome = api.outcomes.get(request_id) or _died(request_id, failure, self._function.timeout_s)
        if failure:
            self._reset("timeout" if failure == "timeout" else "failure")
        else:
            self._freeze()
        return Answer(request_id, outcome.body, outcome.is_error, response_s, total_s)

    def _begin(self, request_id: str, body: bytes, trace: str, context: str) -> None:
        deadline_ms = int((time.time() + self._function.timeout_s) * 1000)
        tracing = {"type": "X-Amzn-Trace-Id", "value": trace}
        self.api.telemetry.tell(
            "platform.start", {"requestId": request_id, "version": "$LATEST", "tracing": tracing}
        )
        for extension in self.api.extensions.values():
            if "INVOKE" in extension.events:
                extension.waiter.give(
                    {
                        "eventType": "INVOKE",
                        "deadlineMs": deadline_ms,
                        "requestId": request_id,
                        "invokedFunctionArn": ARN,
                        "tracing": tracing,
                    }
                )
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": trace,
        }
        if context:
            headers["Lambda-Runtime-Client-Context"] = context
        self.api.runtime.give((headers, body))

    def _wait_for_outcome(self, request_id: str, begun: float) -> str:
        """Waits for the response; gives why there will be none: timeout, memory or exit."""
        api, runtime = self.api, self._runtime
        assert runtime is not None
        while True:
            with api.changed:
                if api.changed.wait_for(lambda: request_id in api.outcomes, 0.01):
                    return ""
            if runtime.poll() is not None:
                return "exit"
            if self._function.memory_mb and _resident_mb(runtime.pid) > self._function.memory_mb:
                runtime.kill()
                return "memory"
            if time.monotonic() - begun > self._function.timeout_s:
                runtime.kill()
                return "timeout"

    def _wait_for_tail(self, request_id: str, begun: float) -> str:
        """Until the runtime and the extensions have asked for more: that time is the function's, too."""
        api, deadline = self.api, begun + self._function.timeout_s
        waiters = [
            api.runtime,
            *[known.waiter for known in api.extensions.values() if "INVOKE" in known.events],
        ]
        is_first = True
        for waiter in waiters:
            while not waiter.wait_until_asking(0.02):
                if self._runtime is not None and self._runtime.poll() is not None:
                    return "exit"
                if time.monotonic() > deadline:
                    return "timeout"
            if is_first:
                self._tell_runtime_done(request_id, "success", "")
            is_first = False
        return ""

    def _tell_runtime_done(self, request_id: str, status: str, error_type: str) -> None:
        record = {
            "requestId": request_id,
            "status": status,
            "metrics": {"durationMs": 12.5, "producedBytes": 4},
        }
        if error_type:
            record["errorType"] = error_type
        spans = [{"name": "responseLatency", "start": "2026-01-02T00:00:00.000Z", "durationMs": 11.5}]
        self.api.telemetry.tell("platform.runtimeDone", {**record, "spans": spans})

    def _tell_end(self, request_id: str, failure: str, total_s: float) -> None:
        """`platform.report` comes last: the sandbox is frozen before it can be delivered."""
        if failure:
            self._tell_runtime_done(request_id, *_DONE[failure])
        memory_mb = self._function.memory_mb or 512
        report: dict[str, Any] = {
            "requestId": request_id,
            "status": "success" if not failure else _DONE[failure][0],
            "metrics": {
                "durationMs": round(total_s * 1000, 2),
                "billedDurationMs": int(total_s * 1000) + 1,
                "memorySizeMB": memory_mb,
                "maxMemoryUsedMB": memory_mb if failure == "memory" else 64,
            },
        }
        if self._function.managed:
            report["metrics"] = {"durationMs": report["metrics"]["durationMs"]}  # whole instances are billed
        elif not failure:
            self.api.telemetry.freeze(True)
        self.api.telemetry.tell("platform.report", report)

    def _freeze(self) -> None:
        if not self._function.managed:
            self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        for process in [*self._extensions, *([self._runtime] if self._runtime else [])]:
            if process.poll() is None:
                os.killpg(process.pid, number)

    def shutdown(self) -> None:
        """The end of a sandbox that nobody has called for a while."""
        if self._api is not None:
            self._signal(signal.SIGCONT)
            self._api.telemetry.freeze(False)
            self._reset("spindown")

    def kill(self) -> None:
        """The end without a word, which Lambda does not promise never to do."""
        self._signal(signal.SIGKILL)
        self._wait()

    def _reset(self, reason: str) -> None:
        """The shutdown phase: the runtime first, then extensions have the rest of two seconds."""
        deadline = time.monotonic() + SHUTDOWN_S + SLACK_S
        self.deaths += [process.returncode for process in self._extensions if process.poll() is not None]
        if self._runtime is not None and self._runtime.poll() is None:
            os.killpg(self._runtime.pid, signal.SIGTERM)  # with its workers
            _wait(self._runtime, RUNTIME_SHUTDOWN_S)
        for extension in self.api.extensions.values():
            if "SHUTDOWN" in extension.events and extension.waiter.wait_until_asking(
                deadline - time.monotonic()
            ):
                deadline_ms = int((time.time() + SHUTDOWN_S) * 1000)
                extension.waiter.give(
                    {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms}
                )
        for process in self._extensions:
            _wait(process, deadline - time.monotonic())
        self._signal(signal.SIGKILL)
        self._wait()

    def _wait(self) -> None:
        for process in [*self._extensions, *([self._runtime] if self._runtime else [])]:
            process.wait(5)
        for reader in self._readers:
            reader.join(5)
        self.api.close()
        self._api, self._runtime, self._extensions, self._readers = None, None, [], []


_DONE = {
    "timeout": ("timeout", ""),
    "memory": ("error", "Runtime.ExitError"),
    "exit": ("error", "Runtime.ExitError"),
}
"""Status and error type of `platform.runtimeDone` by what went wrong."""


def _died(request_id: str, failure: str, timeout_s: float) -> Outcome:
    if failure == "timeout":
        message, kind = (
            f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds",
            "Sandbox.Timedout",
        )
    else:
        message, kind = f"RequestId: {request_id} Error: Runtime exited with error", "Runtime.ExitError"
    return Outcome(json.dumps({"errorMessage": message, "errorType": kind}).encode(), True)


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _wait(process: "subprocess.Popen[str]", timeout_s: float) -> None:
    try:
        process.wait(max(timeout_s, 0.0))
    except subprocess.TimeoutExpired:
        process.kill()
