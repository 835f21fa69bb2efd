"""A download goes on where it broke off, is bounded in size, time and room, and is whole or not there."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.server
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import download
from engine.config import is_fetchable
from engine.domain import Expected

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
Answers = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def serving(answer: Answers) -> Iterator[str]:
    """A server on loopback; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError):
                answer(self)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def fetch(url: str, path: Path, **more: float) -> None:
    download.large(url, "file.bin", path, len(CONTENT), SHA256, **more)  # type: ignore[arg-type]


def test_what_broke_off_goes_on_where_it_ended(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        span = handler.headers.get("Range", "")
        asked.append(span)
        start = int(span[6:-1]) if span else 0
        handler.send_response(206 if span else 200)
        if span:
            handler.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        handler.send_header("Content-Length", str(len(CONTENT) - start))
        handler.end_headers()
        handler.wfile.write(CONTENT[start : start + 200_000])  # and not the rest

    with serving(answer) as url:
        for _ in range(2):
            with pytest.raises(Expected, match="cannot be fetched"):
                fetch(url, tmp_path / "file.bin")
            assert not (tmp_path / "file.bin").exists()
        fetch(url, tmp_path / "file.bin")
        fetch(url, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert asked == ["", "bytes=200000-", "bytes=400000-"], "what is whole is not asked for again"


def test_a_server_that_cannot_go_on_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(b"other")

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(CONTENT)

    with serving(answer) as url:
        fetch(url, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("content", [CONTENT + b"x", b"x" + CONTENT[1:]])
def test_more_than_announced_or_another_file_is_thrown_away(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "file.bin").write_bytes(content)
    with pytest.raises(Expected, match="is not the file that was announced"):
        fetch((tmp_path / "site").as_uri(), tmp_path / "file.bin")
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_list_without_end_is_cut_off(tmp_path: Path) -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 10_000)

    with serving(answer) as url, pytest.raises(Expected, match="larger than it may be"):
        download.small(url, "updates.json", tmp_path / "list", 100_000)
    assert not (tmp_path / "list").exists()


def test_an_answer_that_trickles_ends(tmp_path: Path) -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.02)

    with serving(answer) as url:
        with pytest.raises(Expected, match="it takes too long"):
            download.small(url, "updates.json", tmp_path / "list", 100_000, deadline_s=0.2)
        with pytest.raises(Expected, match="it takes too long"):
            fetch(url, tmp_path / "file.bin", deadline_s=0.2)


@pytest.mark.parametrize("status", [404, 500, 416])
def test_a_refusal_is_told(tmp_path: Path, status: int) -> None:
    with serving(lambda handler: handler.send_error(status)) as url, pytest.raises(Expected, match=f"the answer is {status}"):
        fetch(url, tmp_path / "file.bin")


def test_nobody_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Expected, match="cannot be fetched: no connection"):
        fetch("http://127.0.0.1:9", tmp_path / "file.bin")
    with pytest.raises(Expected, match="There is no"):
        fetch((tmp_path / "nowhere").as_uri(), tmp_path / "file.bin")


def test_a_way_that_leads_to_an_unencrypted_place_is_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(CONTENT)

    monkeypatch.setattr(download, "is_fetchable", lambda url: not url.startswith("http://127"))
    with serving(answer) as url, pytest.raises(Expected, match="which is not encrypted"):
        fetch(url, tmp_path / "file.bin")


def test_no_room_is_told_before_and_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "file.bin").write_bytes(CONTENT)
    url = (tmp_path / "site").as_uri()
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        with pytest.raises(Expected, match="are free at"):
            fetch(url, tmp_path / "file.bin")

    def no_space(share: float) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Expected, match=r"The disk of .* is full"):
        download.large(url, "file.bin", tmp_path / "file.bin", len(CONTENT), SHA256, progress=no_space)
    fetch(url, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("https://example.org/lastvagt", True),
        ("file:///media/usb", True),
        ("http://127.0.0.1:8000", True),
        ("http://localhost/x", True),
        ("http://example.org/lastvagt", False),
        ("file://host/share", False),
        ("https://example.org/?a=b", False),
        ("https://[::1", False),
        ("ftp://example.org", False),
        ("/media/usb", False),
    ],
)
def test_files_come_encrypted_or_from_this_machine(url: str, right: bool) -> None:
    assert is_fetchable(url) is right
