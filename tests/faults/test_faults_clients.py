"""Clients that are slow, many, huge or hostile: the others are served, memory stays bounded, nothing gets in or out."""

from __future__ import annotations

import resource
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import orjson
import pandas as pd
import pytest
from load import Load, check_sound
from real_server import RealServer, problem, real_server, wait_for
from small_office import Office

HOSTILE = (
    "'; DROP TABLE filings; --",
    "\" OR \"1\"=\"1",
    "x') UNION SELECT hash FROM api_keys --",
    '\n{"event": "request", "status": 200, "route": "/forged"}\n',
    "\r\nHTTP/1.1 200 OK\r\n\r\n",
    "%s%n{0}${jndi:ldap://x}{{7*7}}",
    "\x1b[2J\x07\u2028\u202e<script>alert(1)</script>",
    "../../../../etc/passwd",
    "=cmd|' /C calc'!A0",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(filled: Office, long: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    home = tmp_path_factory.mktemp("clients") / "home"
    shutil.copytree(filled.home, home)
    with real_server(home, environment={} if long else {"RISK_BATCHES_MOST": "20"}) as found:
        yield found


def _raw(server: RealServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port))


def test_slow_and_idle_clients_keep_nobody_else_waiting(
    server: RealServer, filled: Office, long: bool, told: Callable[[str], None]
) -> None:
    many, slow = (10_000, 50) if long else (200, 10)
    low, high = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = many + 500
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(low, room), high), high))
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (min(max(low, room), high), high))
    load, stop = Load(server, filled), threading.Event()
    body = load.manifest()
    head = (
        f"POST /v1/manifests HTTP/1.1\r\nHost: x\r\nX-API-Key: {server.key}\r\nContent-Length: {len(body.body)}\r\n\r\n"
    ).encode()
    with ExitStack() as opened:
        idle = [opened.enter_context(_raw(server)) for _ in range(many)]
        dripping = [opened.enter_context(_raw(server)) for _ in range(slow)]

        def drip() -> None:
            """Header and body byte by byte, to all of them in turn."""
            for byte in head + body.body[:-1]:
                for one in dripping:
                    one.send(bytes([byte]))
                if stop.wait(0.002):
                    return

        dripper = threading.Thread(target=drip)
        dripper.start()
        before = server.memory()
        load.send_again([load.manifest() for _ in range(10)])
        with server.client() as client:
            assert client.get("/healthz").status_code == 200
        dripper.join()
        answers = []
        for one in dripping:  # the last byte makes them whole, however long it took
            one.sendall(body.body[-1:])
            one.settimeout(240)
            answers.append(one.recv(64).split()[1])
        assert set(answers) == {b"200"}
        assert len(idle) == many
        grown = (server.memory() - before) >> 20
        assert grown < 300, f"{grown} MiB more for {many} connections"
    told(f"{many:,} idle connections and {slow} slow clients beside 10 manifests answered; {grown} MiB more memory")


def test_a_huge_body_is_refused_before_it_is_sent_or_kept(
    server: RealServer, filled: Office, told: Callable[[str], None]
) -> None:
    warm = Load(server, filled)
    warm.send_again([warm.manifest()])
    before, size = server.memory(), 200_000_000
    head = f"POST /v1/manifests HTTP/1.1\r\nHost: x\r\nX-API-Key: {server.key}\r\nContent-Length: {size}\r\n\r\n"
    with _raw(server) as one:
        one.settimeout(240)
        one.sendall(head.encode())
        assert one.recv(64).split()[1] == b"413", "told by the header alone"
    for path in (
        "/v1/manifests",
        "/v1/outcomes:import",
        "/v1/inspections",
        "/v1/watchlists/hot",
        "/v1/parties/judgements",
    ):
        with server.client() as client:
            assert problem(_sent(client, path, size), 413).count("bytes") == 1, path
            unsaid = client.build_request("POST", path, content=iter([b"x" * 65_536] * 10))
            assert "Content-Length" in problem(client.send(unsaid), 411), path
    nobody = httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=240)
    for path in ("/login", "/language", "/v1/inspections"):  # who is not known sends nothing large either
        assert _sent(nobody, path, size).status_code in (401, 403, 413), path
    grown = (server.memory() - before) >> 20
    assert grown < 64, f"{grown} MiB more for bodies that were refused"
    told(f"bodies of {size:,} bytes refused with 413, {grown} MiB more memory")


def _sent(client: httpx.Client, path: str, size: int) -> httpx.Response:
    """The answer to a body of which no more is made than the server reads; it may hang up before the end."""
    url = client.base_url
    with socket.create_connection((url.host, url.port)) as line:
        line.settimeout(240)
        lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {size}", "Content-Type: application/json"]
        if "x-api-key" in client.headers:
            lines.append(f"X-API-Key: {client.headers['x-api-key']}")
        line.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        part, left = b"x" * (1 << 20), size
        answer = b""
        line.setblocking(False)
        end = time.monotonic() + 240
        while b"\r\n\r\n" not in answer and time.monotonic() < end:
            try:
                answer += line.recv(65_536)
            except BlockingIOError:
                try:
                    left -= line.send(part[: min(left, len(part))]) if left else 0
                except (BlockingIOError, ConnectionError):
                    time.sleep(0.001)
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(entry.split(": ", 1) for entry in head.decode().split("\r\n")[1:])
        line.setblocking(True)
        line.settimeout(240)
        while len(content) < int(headers["content-length"]):
            content += line.recv(65_536)
    plain = {name: value for name, value in headers.items() if name.lower() in ("content-type", "retry-after")}
    return httpx.Response(int(head.split()[1]), headers=plain, content=content)


def test_batches_beyond_the_queue_are_refused_and_all_taken_in_come_to_their_end(
    server: RealServer, filled: Office, long: bool, told: Callable[[str], None]
) -> None:
    many = 1_000 if long else 60
    load = Load(server, filled)
    sent = [load.manifest() for _ in range(many)]
    with server.client() as client:

        def send(number: int) -> httpx.Response:
            return client.post("/v1/manifests", content=sent[number].body, headers={"Prefer": "respond-async"})

        with ThreadPoolExecutor(many) as pool:
            answers = list(pool.map(send, range(many)))
        taken = [answer.json()["id"] for answer in answers if answer.status_code == 202]
        refused = [problem(answer, 503) for answer in answers if answer.status_code != 202]
        assert len(taken) >= 20 and refused, "so many are taken in at least, and not all of them"
        assert all("try again" in said for said in refused), set(refused)
        states: dict[str, str] = {}

        def ended() -> bool:
            for batch in taken:
                if states.get(batch) not in ("done", "failed"):
                    states[batch] = client.get(f"/v1/batches/{batch}").json()["state"]
            return set(states.values()) <= {"done", "failed"}

        wait_for(ended, 900)
        assert set(states.values()) == {"done"}
        again = send(many - 1)
        assert again.status_code == 202, "there is room again"
    told(f"{many:,} batches at once: {len(taken)} taken in and done, {len(refused)} refused with 503")


def test_hostile_text_in_every_field_is_kept_as_text_and_never_forges_the_log(
    server: RealServer, filled: Office, told: Callable[[str], None]
) -> None:
    line = pd.read_csv(filled.manifest, dtype=str).iloc[0].dropna().to_dict()
    texts = [name for name in line if name not in ("consignment_id", "line_no", "version", "filed_at", "containers")]
    tried = 0
    with server.client() as client:
        schema = client.get("/openapi.json").json()
        for number, text in enumerate(HOSTILE):
            rows = [line | {name: text, "consignment_id": f"H{number}-{name}"} for name in texts]
            rows.append(line | {"consignment_id": f"H{number}{text}", "extra.note": text})
            answer = client.post("/v1/manifests", content=b"\n".join(orjson.dumps(row) for row in rows))
            assert answer.status_code in (200, 422), answer.text
            tried += len(rows)
            for method, path, inputs in _requests(schema, text):
                headers = [(b"X-Request-Id", _header(text)), (b"User-Agent", _header(text))]
                answer = client.request(method, path, **inputs, headers=headers)
                assert answer.status_code < 500, f"{method} {path} {inputs}: {answer.status_code} {answer.text}"
                assert "syntax error" not in answer.text and "sqlite3" not in answer.text
                tried += 1
        assert client.get("/readyz").json()["ready"]
    for entry in server.lines_of_log():
        assert entry.get("route") != "/forged"
        assert "DROP TABLE" not in str(entry) and "jndi" not in str(entry)
    check_sound(server.url)
    told(f"{tried:,} requests and lines with hostile text; the log is JSON line by line, the store sound")


def _header(text: str) -> bytes:
    return text.encode("latin-1", "replace").replace(b"\r", b" ").replace(b"\n", b" ").replace(b"\0", b" ").strip()


def _requests(schema: dict[str, Any], text: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every route with the text in its path, its query and each text field of its body."""
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            inputs: dict[str, Any] = {"params": {}}
            place = path
            for one in operation.get("parameters", ()):
                if one["in"] == "path":
                    number = one["schema"].get("type") == "integer"
                    safe = "1" if number else httpx.QueryParams({"x": text}).__str__()[2:].replace("+", "%20")
                    place = place.replace("{" + one["name"] + "}", safe).replace("{" + one["name"] + ":path}", safe)
                elif one["in"] == "query":
                    kinds = str(one["schema"])
                    if "integer" not in kinds and "boolean" not in kinds and "number" not in kinds:
                        inputs["params"][one["name"]] = text
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                reference = content["schema"].get("$ref", "").rsplit("/", 1)[-1]
                body = dict((schema["components"]["schemas"].get(reference, {}).get("examples") or [{}])[0])
                yield method.upper(), place, {**inputs, "json": body}
                for name, value in body.items():
                    if isinstance(value, str):
                        yield method.upper(), place, {**inputs, "json": body | {name: text}}
            else:
                yield method.upper(), place, inputs
