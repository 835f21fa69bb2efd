"""The doctor: everything that can be wrong is found, named, and comes with what to do about it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import http.server
import ipaddress
import itertools
import json
import os
import shutil
import socket
import sqlite3
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace

import bundles
import issued_store
import pytest
import versions
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from serving import serving

from engine import backing, installation, lock, site
from engine.__main__ import main
from engine.clock import SimulatedClock, SystemClock
from engine.config import Config, Outside
from engine.doctor import Finding, asked, examine, machine, places, running, stored
from engine.domain import DAY, HOUR, JobRun, Tier
from engine.signing import SecretKey
from engine.store import Writer
from engine.updates import Memory, Updates

NOW = issued_store.NOW
CLOCK = SimulatedClock(NOW)
posix = pytest.mark.skipif(sys.platform == "win32", reason="rights are in lists there")


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site's folder that is not there yet, no proxy, no systemd; returns the data folder."""
    monkeypatch.setattr(site, "folders", lambda: (tmp_path / "etc",))
    monkeypatch.setattr(site, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(running, "_SYSTEMD", tmp_path / "systemd")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with current load and an issue, as of `NOW`."""
    folder = tmp_path_factory.mktemp("issued")
    issued_store.fill(folder / "lastvagt.sqlite", issue_times=(NOW,), weather=False).close()
    return folder


def one(findings: Iterator[Finding], check: str) -> Finding:
    """The one finding of a check; whatever is not well comes with a remedy."""
    found = list(findings)
    assert all(finding.remedy for finding in found if finding.status != "ok")
    (wanted,) = [finding for finding in found if finding.check == check]
    return wanted


def checks(findings: Iterator[Finding]) -> set[str]:
    return {finding.check for finding in findings}


# -- the whole --------------------------------------------------------------------------------------------------------


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    code = main(["doctor", *map(str, words)])
    return code, capsys.readouterr().out


def test_everything_is_looked_at_and_told_to_programs(issued: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = call(capsys, "--offline", "--json", "--data-dir", issued)
    found = json.loads(out)
    assert code == 0
    assert {finding["check"] for finding in found} >= {
        *("program.version", "program.libraries", "program.sqlite", "clock.zone", "clock.pace", "settings.site", "settings.read"),
        *("keys.trusted", "folder.write", "disk.free", "database.growth", "database.damage", "database.size", "database.age"),
        *("database.copy", "backup.age", "models.load", "engine.state", "endpoint.port"),
    }
    assert all(finding.keys() == {"check", "status", "text", "remedy", "about"} for finding in found)
    assert all(finding["remedy"] for finding in found if finding["status"] != "ok")
    assert not any(finding["check"].startswith("source.") for finding in found)
    subjects = [finding["check"].partition(".")[0] for finding in found]
    assert len(list(itertools.groupby(subjects))) == len(set(subjects)), "findings of one subject are told apart"


def test_it_reads_well_in_a_terminal(surroundings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (surroundings / "secrets.toml").write_text("")
    (surroundings / "secrets.toml").chmod(0o644)
    code, out = call(capsys, "--offline", "--data-dir", surroundings)
    assert max(map(len, out.splitlines())) <= 80
    assert "PROGRAM\nok    Lastvagt" in out
    if sys.platform != "win32":
        assert code == 4
        assert "      > chmod 600" in out
        assert " 1 do not work, and 0 want a look" in out


def test_settings_that_cannot_be_read_are_told_and_nothing_is_guessed(surroundings: Path) -> None:
    (surroundings / "settings.toml").write_text("prot = 1\n")
    found = list(examine(Outside(words={"data_dir": surroundings}), CLOCK, offline=True))
    assert found[-1].check == "settings.read"
    assert found[-1].status == "fail"
    assert "Unknown setting 'prot'" in found[-1].text
    assert "database.size" not in checks(iter(found))


# -- the machine ------------------------------------------------------------------------------------------------------


def test_the_wal_reset_bug_is_known_by_version() -> None:
    fixed, broken = ((3, 51, 3), (3, 50, 7), (3, 44, 6), (3, 52, 0)), ((3, 40, 1), (3, 45, 1), (3, 50, 4), (3, 51, 2))
    assert all(machine.wal_reset_fixed(version) for version in fixed)
    assert not any(machine.wal_reset_fixed(version) for version in broken)


def test_zone_data_that_are_wrong_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert one(machine.findings(CLOCK), "clock.zone").status == "ok"
    monkeypatch.setattr(machine.clock, "local", lambda t: dt.datetime.fromtimestamp(t, dt.UTC))
    assert one(machine.findings(CLOCK), "clock.zone").status == "warn"


def test_a_clock_that_jumps_is_told() -> None:
    of = SimulatedClock(NOW)
    pace = machine.Pace(of)
    assert pace.finding().status == "ok"
    of.set(NOW - 40)
    assert (pace.finding().status, "-40 s" in pace.finding().text) == ("warn", True)


@posix
@pytest.mark.parametrize(("most", "status"), [(64, "warn"), (1024, "ok"), (-1, "ok")])
def test_too_few_files_are_told(monkeypatch: pytest.MonkeyPatch, most: int, status: str) -> None:
    import resource

    monkeypatch.setattr(resource, "RLIM_INFINITY", -1)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (most, most))
    assert one(machine.findings(CLOCK), "program.files").status == status


@pytest.mark.parametrize(("free", "status"), [(1e8, "fail"), (1e9, "warn"), (1e10, "ok")])
def test_a_short_disk_is_told(surroundings: Path, monkeypatch: pytest.MonkeyPatch, free: float, status: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert one(machine.disk(Config(data_dir=surroundings / "later")), "disk.free").status == status


def test_a_newer_version_that_is_known_of_is_told(tmp_path: Path, surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions.publish(tmp_path / "releases", "99.0.0", versions.archive("99.0.0"))
    place = versions.install(tmp_path / "lastvagt", "0.1.0")
    monkeypatch.setattr(installation, "here", lambda: place)
    (tmp_path / "etc" / "trusted").mkdir(parents=True)
    (tmp_path / "etc" / "trusted" / "releases.pub").write_text(versions.KEY.public("releases").text())
    config = Config(data_dir=surroundings, update_url=(tmp_path / "releases").as_uri())
    assert one(machine.update(Config(data_dir=surroundings)), "update.known").text.startswith("nobody is asked")
    assert one(machine.update(config), "update.known").text.startswith("nobody was asked")
    known = Updates(config, place, site.trusted_keys())
    known.check(NOW)
    told = one(machine.update(config), "update.known")
    assert (told.status, "99.0.0" in told.text) == ("warn", True)
    Memory(refused={"99.0.0": "it did not start"}).write(known.folder)
    assert "taken back" in one(machine.update(config), "update.known").text
    Memory(problem="It does not answer.", remedy="Wait.").write(known.folder)
    assert one(machine.update(config), "update.known").text == "It does not answer."


# -- settings, keys, rights -------------------------------------------------------------------------------------------


def test_it_is_told_where_settings_stand(tmp_path: Path, surroundings: Path) -> None:
    outside = Outside(environment={"LASTVAGT_PORT": "9000"}, words={"data_dir": surroundings})
    assert "no site.toml in" in one(places.settings(outside), "settings.site").text
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "site.toml").write_text("[default]\ncontact = 'x'\n[required]\nport = 9000\n")
    found = list(places.settings(outside))
    assert "1 defaults, 1 fixed, not signed" in one(iter(found), "settings.site").text
    assert "1 from the command line" in one(iter(found), "settings.read").text
    assert "settings.overruled" not in checks(iter(found))
    outside.environment["LASTVAGT_PORT"] = "9001"  # type: ignore[index]
    overruled = one(places.settings(outside), "settings.overruled")
    assert (overruled.about, overruled.status, "LASTVAGT_PORT" in overruled.text) == ("port", "warn", True)


def test_a_secret_that_its_file_does_not_give_is_told(tmp_path: Path, surroundings: Path) -> None:
    environment = {"LASTVAGT_ENTSOE_TOKEN": f"file:{tmp_path / 'token'}"}
    outside = Outside(environment=environment, words={"data_dir": surroundings})
    assert one(places.settings(outside), "settings.secret").status == "fail"
    (tmp_path / "token").write_text("x")
    assert "settings.secret" not in checks(places.settings(outside))


def test_whose_kits_are_taken_is_told(surroundings: Path) -> None:
    config = Config(data_dir=surroundings)
    assert one(places.keys(config), "keys.trusted").text.startswith("none")
    (surroundings / "trusted").mkdir()
    (surroundings / "trusted" / "grid.pub").write_text(SecretKey.new().public("grid").text())
    assert "grid" in one(places.keys(config), "keys.trusted").text
    (surroundings / "trusted" / "grid.pub").write_text("nonsense")
    found = list(examine(Outside(words={"data_dir": surroundings}), CLOCK, offline=True))
    assert one(iter(found), "keys.trusted").status == "fail"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert one(places.rights(Config(data_dir=tmp_path / "file")), "folder.write").status == "fail"
    assert one(places.rights(Config(data_dir=tmp_path / "new" / "folder")), "folder.write").status == "ok"
    assert not (tmp_path / "new").exists()


@posix
def test_rights_that_are_too_wide_are_told(tmp_path: Path, surroundings: Path) -> None:
    config = Config(data_dir=surroundings, tls_key=str(tmp_path / "key.pem"))
    assert one(places.rights(config), "folder.rights").status == "ok"
    for path in (tmp_path / "key.pem", surroundings / "engine.token"):
        path.write_text("")
        path.chmod(0o640)
    told = [finding for finding in places.rights(config) if finding.check == "folder.secret"]
    assert {finding.about for finding in told} == {str(tmp_path / "key.pem"), str(surroundings / "engine.token")}
    assert {finding.status for finding in told} == {"fail"}
    surroundings.chmod(0o777)
    assert one(places.rights(config), "folder.rights").status == "fail"


@posix
def test_a_site_that_the_engine_itself_could_change_is_told(tmp_path: Path, surroundings: Path) -> None:
    (tmp_path / "etc").mkdir()
    if os.geteuid() == 0:
        for folder in (surroundings, tmp_path / "etc"):
            os.chown(folder, 1234, 1234)
    assert one(places.rights(Config(data_dir=surroundings)), "settings.rights").status == "warn"


# -- what is kept -----------------------------------------------------------------------------------------------------


def test_a_whole_and_current_database_is_told(issued: Path) -> None:
    found = list(stored.database(Config(data_dir=issued), CLOCK))
    assert {finding.status for finding in found} == {"ok"}
    assert "real data, schema" in one(iter(found), "database.size").text
    assert {finding.about for finding in found if finding.check == "database.age"} >= {"test/load"}
    none = stored.database(Config(data_dir=issued / "none"), CLOCK)
    assert one(none, "database.size").text.startswith("none yet")


def test_backups_that_are_missing_or_old_are_told(own: Path, tmp_path: Path) -> None:
    config = Config(data_dir=own, disk_low_mb=0)

    def status(of: Config, now: int = NOW) -> str:
        return one(stored.backed_up(of, SimulatedClock(now)), "backup.age").status

    assert status(Config(data_dir=tmp_path / "new")) == "ok", "nothing is there to be lost"
    assert status(config) == "warn"
    assert status(dataclasses.replace(config, keep_backups=0)) == "warn"
    writer = Writer(config.database)
    assert backing.run(writer, config, CLOCK).status == "ok"
    writer.close()
    assert status(config) == "ok"
    assert status(config, NOW + 3 * DAY) == "warn"
    away = dataclasses.replace(config, backup_dir=str(tmp_path / "unmounted"))
    assert one(stored.backed_up(away, CLOCK), "backup.folder").status == "fail"


def test_old_data_are_told_unless_nobody_asks_for_newer_ones(issued: Path) -> None:
    later = SimulatedClock(NOW + 5 * DAY)
    load = next(f for f in stored.database(Config(data_dir=issued), later) if f.about == "test/load")
    assert (load.status, "stale" in load.text) == ("warn", True)
    load = next(f for f in stored.database(Config(data_dir=issued, network=False), later) if f.about == "test/load")
    assert (load.status, "a kit brings newer" in load.text) == ("ok", True)
    assert one(stored.database(Config(data_dir=issued), SimulatedClock(NOW - DAY)), "clock.data").status == "warn"


@pytest.fixture
def own(issued: Path, tmp_path: Path) -> Path:
    """A copy of the folder, to be harmed."""
    shutil.copytree(issued, tmp_path / "own")
    return tmp_path / "own"


def test_damage_is_told(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = sqlite3.connect(own / "lastvagt.sqlite")
    db.execute("UPDATE forecast_run SET quantiles = zeroblob(99)")
    db.commit()
    db.close()
    code, out = call(capsys, "--offline", "--data-dir", own)
    assert code == 4
    assert "damaged on disk" in out


def test_a_database_of_another_version_is_told(own: Path) -> None:
    db = sqlite3.connect(own / "lastvagt.sqlite")
    db.execute("PRAGMA user_version = 99")
    db.close()
    found = examine(Outside(words={"data_dir": own}), CLOCK, offline=True)
    assert "newer Lastvagt" in one((finding for finding in found if finding.check.startswith("database.")), "database.read").text


@pytest.mark.parametrize(("grown", "status"), [(0, "ok"), (1e6, "ok"), (3e8, "warn"), (6e9, "fail")])
def test_growth_that_will_fill_the_disk_is_told(own: Path, monkeypatch: pytest.MonkeyPatch, grown: float, status: str) -> None:
    writer = Writer(own / "lastvagt.sqlite")
    assert one(stored.database(Config(data_dir=own), CLOCK), "database.growth").text == "its growth is known after two days"
    for day in range(2):
        at = NOW - (2 - day) * DAY
        writer.put_job_run(JobRun("maintenance", at, at, "ok", "", "", {"database_bytes": int(1e8 + day * grown)}))
    writer.close()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1e10))
    assert one(stored.database(Config(data_dir=own), CLOCK), "database.growth").status == status


def test_a_long_log_a_copy_and_what_lasts_are_told(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(own / "lastvagt.sqlite")
    writer.open_event("source", "open-meteo/forecast", "It does not answer.", "Wait.", NOW)
    writer.open_event("proposal", "full", "Another is better.", "Promote it.", NOW)
    monkeypatch.setattr(stored, "_LONG_LOG", 1)
    assert one(stored.database(Config(data_dir=own), CLOCK), "database.copy").text.startswith("no copy")
    shutil.copy(own / "lastvagt.sqlite", own / "lastvagt.sqlite.before-schema-7")
    found = list(stored.database(Config(data_dir=own), CLOCK))
    writer.close()
    assert one(iter(found), "database.log").status == "warn"
    assert one(iter(found), "database.copy").about == "lastvagt.sqlite.before-schema-7"
    event = one(iter(found), "event.source")
    assert (event.about, event.status, event.remedy) == ("open-meteo/forecast", "warn", "Wait.")
    assert "event.proposal" not in checks(iter(found))


def test_models_that_are_missing_or_changed_are_told(tmp_path: Path, surroundings: Path) -> None:
    config = Config(data_dir=surroundings, model_dir=tmp_path / "models")
    assert one(stored.models(config), "models.tier").status == "warn"
    folder = tmp_path / "models" / bundles.shipped(Tier.FULL).name
    shutil.copytree(bundles.shipped(Tier.FULL), folder)
    found = list(stored.models(config))
    assert [(finding.check, finding.status) for finding in found] == [("models.load", "ok")]
    assert "answers here as where it was made" in found[0].text
    graph = folder / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    assert "was changed after it was signed" in one(stored.models(config), "models.load").text


# -- the engine -------------------------------------------------------------------------------------------------------


def test_a_running_engine_is_told_and_answers(surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_ANSWER_S", 30.0)
    config = Config(data_dir=surroundings, simulated=True, port=0)
    with serving(config):
        found = list(running.engine(config, SystemClock()))
    assert one(iter(found), "engine.state").text.startswith("process")
    assert one(iter(found), "engine.answer").text == "/health says starting"


def test_an_engine_that_is_silent_old_or_not_heard_is_told(own: Path) -> None:
    config = Config(data_dir=own)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    said = {"pid": 1, "host": "127.0.0.1", "port": port, "version": "0.0.1", "started_at": NOW, "heartbeat": NOW}
    writer = Writer(config.database)
    writer.set_engine(said)
    writer.close()
    killed = one(running.engine(config, CLOCK), "engine.state")
    assert (killed.status, "is gone" in killed.text) == ("warn", True)
    with lock.exclusive(own):
        found = list(running.engine(config, CLOCK))
        assert "holds the folder, and was last" in one(running.engine(config, SimulatedClock(NOW + HOUR)), "engine.state").text
    assert one(iter(found), "engine.version").status == "warn"
    assert one(iter(found), "engine.answer").status == "fail"


def test_a_folder_on_which_a_command_works_is_told(surroundings: Path) -> None:
    with lock.exclusive(surroundings):
        told = one(running.engine(Config(data_dir=surroundings), CLOCK), "engine.state")
    assert f"process {os.getpid()} works on the folder" in told.text


def test_a_port_that_another_holds_is_told(surroundings: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        config = Config(data_dir=surroundings, port=held.getsockname()[1])
        assert one(running.engine(config, CLOCK), "endpoint.port").status == "fail"
    assert one(running.engine(config, CLOCK), "endpoint.port").status == "ok"
    assert "endpoint.port" not in checks(running.engine(Config(data_dir=surroundings, port=0), CLOCK))


@posix
@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNRestarts=0", "ok"),
        ("LoadState=loaded\nActiveState=failed\nUnitFileState=enabled\nResult=exit-code\nNRestarts=5", "fail"),
        ("LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\nNRestarts=0", "warn"),
        ("LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\nNRestarts=0", "ok"),
        ("LoadState=not-found\nActiveState=inactive", ""),
    ],
)
def test_what_systemd_says_is_told(
    tmp_path: Path, surroundings: Path, monkeypatch: pytest.MonkeyPatch, said: str, status: str
) -> None:
    (tmp_path / "systemd").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "systemctl").write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n")
    (tmp_path / "bin" / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    found = [
        finding for finding in running.engine(Config(data_dir=surroundings, port=0), CLOCK) if finding.check == "engine.service"
    ]
    assert [finding.status for finding in found] == ([status] if status else [])


# -- who may come in, and the sources ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Path]]:
    """Makes certificates of 127.0.0.1 that vouch for themselves; returns the files of certificate and key."""
    folder = tmp_path_factory.mktemp("tls")

    def make(days: int = 1) -> tuple[Path, Path]:
        key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
        name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Opener Ltd")])
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=9))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        files = folder / f"{days}.pem", folder / f"{days}.key"
        files[0].write_bytes(made.public_bytes(pem))
        files[1].write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
        return files

    return make


@contextmanager
def source(status: int = 200, date: float | None = None, tls: tuple[Path, Path] | None = None) -> Iterator[str]:
    """The address of a source that answers so, by its own clock."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(status)
            self.send_header("Date", formatdate(time.time() if date is None else date, usegmt=True))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def ask(url: str, **more: object) -> list[Finding]:
    config = Config(energi_data_service_url=url, open_meteo_url=url, open_meteo_previous_runs_url=url, **more)  # type: ignore[arg-type]
    found = list(asked.findings(config, SystemClock()))
    assert all(finding.remedy for finding in found if finding.status != "ok")
    return found


def test_a_source_that_answers_is_told_and_its_clock_agrees() -> None:
    with source(404) as url:
        found = ask(url)
    assert [(finding.check, finding.status) for finding in found] == [("source.answer", "ok"), ("clock.offset", "ok")]
    assert (found[0].about, "HTTP 404" in found[0].text) == (url, True)


@pytest.mark.parametrize(("hours", "words"), [(-1, "ahead of"), (2, "behind")])
def test_a_clock_that_differs_from_the_sources_is_told(hours: int, words: str) -> None:
    with source(date=time.time() + hours * HOUR) as url:
        told = one(iter(ask(url)), "clock.offset")
    assert (told.status, words in told.text) == ("warn", True)


def test_a_source_with_a_fault_of_its_own_is_told() -> None:
    with source(503) as url:
        assert one(iter(ask(url)), "source.answer").status == "warn"


def test_a_name_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    told = one(iter(ask("https://nowhere.example.org")), "source.name")
    assert (told.status, "DNS" in told.remedy) == ("fail", True)


def test_a_source_that_cannot_be_reached_is_told() -> None:
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))  # and nobody listens
        told = one(iter(ask(f"http://127.0.0.1:{gone.getsockname()[1]}")), "source.connect")
    assert (told.status, "firewall" in told.remedy) == ("fail", True)


def test_one_that_does_not_speak_http_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "_REACH_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert one(iter(ask(f"http://127.0.0.1:{silent.getsockname()[1]}")), "source.answer").status == "fail"


def test_tls_that_somebody_opens_is_named(
    authority: Callable[..., tuple[Path, Path]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = authority()
    with source(tls=files) as url:
        told = one(iter(ask(url)), "source.tls")
        assert (told.status, "proxy which opens TLS" in told.text, "REQUESTS_CA_BUNDLE" in told.remedy) == ("fail", True, True)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files[0]))
        told = one(iter(ask(url)), "source.answer")
        assert (told.status, "certificate of Opener Ltd" in told.text) == ("ok", True)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
        assert one(iter(ask(url)), "source.authority").status == "fail"


def test_a_certificate_out_of_its_time_is_told(
    authority: Callable[..., tuple[Path, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = authority(days=-2)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files[0]))
    with source(tls=files) as url:
        told = one(iter(ask(url)), "source.tls")
    assert (told.status, "does not hold at this time" in told.text) == ("fail", True)


def test_a_source_that_speaks_no_tls_is_told() -> None:
    with source() as url:
        assert one(iter(ask(url.replace("http:", "https:"))), "source.tls").status == "fail"


def test_a_proxy_is_named_without_its_password_and_its_refusal_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with source(407) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.replace("//", "//anna:geheim@"))
        found = ask("http://source.example.org")
    assert "geheim" not in str(found)
    told = [finding for finding in found if finding.check == "source.proxy"]
    assert [finding.status for finding in told] == ["ok", "fail"]
    assert "//***@127.0.0.1" in told[0].text


def test_a_proxy_that_lets_nothing_through_or_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with source(403) as proxy:  # refuses CONNECT
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        assert {finding.status for finding in ask("https://source.example.org") if finding.check == "source.proxy"} == {
            "ok",
            "fail",
        }
    told = one(iter(ask("https://source.example.org")), "source.connect")
    assert "the proxy 127.0.0.1" in told.text
    assert told.remedy == "Correct or take away HTTPS_PROXY."


def test_without_network_by_settings_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("somebody was asked"))
    (told,) = ask("https://source.example.org", network=False)
    assert (told.check, told.status) == ("source.off", "ok")


def test_a_certificate_that_serves_nobody_or_not_at_all_is_told(
    authority: Callable[..., tuple[Path, Path]], surroundings: Path
) -> None:
    certificate, key = authority()
    other = authority(days=3)[1]

    def doors(host: str, certificate: Path, key: Path) -> list[Finding]:
        words = {"tls_certificate": str(certificate), "tls_key": str(key), "public_names": "x.example.org"}
        return list(running.doors(Config(data_dir=surroundings, host=host, **words)))  # type: ignore[arg-type]

    assert list(running.doors(Config(data_dir=surroundings))) == []
    assert one(iter(doors("127.0.0.1", certificate, key)), "endpoint.doors").status == "warn"
    assert one(iter(doors("0.0.0.0", certificate, key)), "endpoint.certificate").status == "ok"
    assert one(iter(doors("0.0.0.0", certificate, other)), "endpoint.certificate").status == "fail"
    assert one(iter(doors("0.0.0.0", surroundings / "none", key)), "endpoint.certificate").status == "fail"
