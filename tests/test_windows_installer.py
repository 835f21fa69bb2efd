"""The Windows installers: compiled where makensis is, and run where Wine is, with small programs in place of the real ones."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given
from hypothesis import strategies as st

WINDOWS = Path(__file__).parent.parent / "packaging" / "windows"
sys.path.insert(0, str(WINDOWS))

import build  # noqa: E402

MAKENSIS, WINE = shutil.which("makensis"), shutil.which("wine")
needs_makensis = pytest.mark.skipif(MAKENSIS is None, reason="makensis (Debian: nsis) is not installed")
needs_wine = pytest.mark.skipif(
    MAKENSIS is None or WINE is None, reason="makensis and wine (Debian: nsis wine64) are not installed"
)
#: 64-bit as the Windows that Debian's wine64 is; what is shipped is made for both by the same script.
AMD64 = ("-XTarget amd64-unicode",)
KEY = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\Lastvagt"


_name = st.text("abc$ .é", min_size=1, max_size=6).filter(lambda name: name.strip(" ."))


@given(paths=st.lists(st.lists(_name, min_size=1, max_size=3).map(tuple), max_size=8))
def test_what_is_removed_is_what_was_brought_and_nothing_by_wildcard(
    tmp_path_factory: pytest.TempPathFactory, paths: list[tuple[str, ...]]
) -> None:
    payload = tmp_path_factory.mktemp("payload")
    for path in paths:
        file = payload.joinpath(*path)
        if not file.exists() and not any(parent.is_file() for parent in file.parents):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("x", encoding="utf-8")
    lines = build.removal(payload).splitlines()
    told = [re.fullmatch(r'(Delete|RMDir) "\$INSTDIR\\(.*)"', line) for line in lines]
    assert all(told)
    gone = [payload.joinpath(*match[2].replace("$$", "$").split("\\")) for match in told if match]
    for path in gone:  # in this order nothing is left, for a folder goes after what is in it
        path.rmdir() if path.is_dir() else path.unlink()
    assert not list(payload.iterdir())
    assert "*" not in "".join(lines)


def test_another_wrapper_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.exe").write_bytes(b"MZ")
    with pytest.raises(SystemExit, match="is not the wrapper"):
        build.check_wrapper(tmp_path / "other.exe")


def test_the_service_is_restarted_after_1_5_and_15_minutes_and_has_time_to_stop() -> None:
    service = ET.parse(WINDOWS / "lastvagt-service.xml").getroot()
    assert [(e.get("action"), e.get("delay")) for e in service.iterfind("onfailure")] == [
        ("restart", "1 min"),
        ("restart", "5 min"),
        ("restart", "15 min"),
    ]
    assert int((service.findtext("stoptimeout") or "0").split()[0]) > 10
    assert service.find("log").get("mode") == "roll-by-size"  # type: ignore[union-attr]
    assert f'!define SERVICE "{service.findtext("id")}"' in (WINDOWS / "lastvagt.nsi").read_text(encoding="utf-8")


def test_every_text_of_the_installer_is_there_in_both_languages_and_used() -> None:
    script = (WINDOWS / "lastvagt.nsi").read_text(encoding="utf-8")
    texts = re.findall(r'^ *!insertmacro TEXT (\w+) "([^"]+)" "([^"]+)"$', script, re.MULTILINE)
    assert len(texts) == script.count("!insertmacro TEXT ") > 8
    for name, danish, english in texts:
        assert danish != english
        assert f"$({name})" in script or re.search(rf"FAIL \d {name}\b", script), name


def _program(path: Path, body: str) -> None:
    """A small Windows program that does what is said in NSIS' language."""
    script = path.with_suffix(".nsi")
    script.write_text(
        f'Unicode true\n!include FileFunc.nsh\n!include LogicLib.nsh\nOutFile "{path}"\nSilentInstall silent\n'
        f"RequestExecutionLevel user\nSection\n{body}\nSectionEnd\n",
        encoding="utf-8",
    )
    subprocess.run([str(MAKENSIS), "-V1", *AMD64, str(script)], check=True)
    script.unlink()


#: Programs of Wine that do nothing, which ours stand in for.
STOOD_IN = ("sc", "icacls")
OWN = {"WINEDLLOVERRIDES": ";".join(f"{name}.exe=n" for name in STOOD_IN)}
#: Notes how it was called, and fails where that is asked of it.
CALLED = r"""
FileOpen $0 "C:\calls.txt" a
FileSeek $0 0 END
${GetParameters} $1
FileWrite $0 "%s $1$\r$\n"
FileClose $0
${If} ${FileExists} "C:\refuse-%s"
SetErrorLevel 5
${EndIf}
"""


def _payload(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in ("lastvagt.exe", "lastvagt-engine.exe"):
        _program(folder / name, "Sleep 30000")
    return folder


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _payload(tmp_path_factory.mktemp("older"), {"_internal/a.dll": "1", "_internal/gone/old $ é.txt": "1"})


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _payload(tmp_path_factory.mktemp("newer"), {"_internal/a.dll": "2", "_internal/b.dll": "2"})


@pytest.fixture(scope="module")
def wrapper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wrapper") / "wrapper.exe"
    _program(path, CALLED % ("wrapper", "wrapper"))
    return path


@needs_makensis
def test_the_script_compiles_in_every_form_for_every_windows(older: Path, wrapper: Path, tmp_path: Path) -> None:
    sizes = {form: build.build(form, older, tmp_path, wrapper).stat().st_size for form in build.FORMS}
    assert min(sizes.values()) > 50_000
    assert sizes["machine"] > sizes["user"]  # it has the wrapper


@needs_makensis
@pytest.mark.skipif(not shutil.which("osslsigncode"), reason="osslsigncode is not installed")
def test_what_is_signed_verifies_and_not_once_a_byte_is_another(
    older: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsigned = build.build("user", older, tmp_path / "unsigned", None)
    monkeypatch.setenv("SIGN_PFX", str(_certificate(tmp_path)))
    monkeypatch.setenv("SIGN_PASSWORD", "of a test")
    made = build.build("user", older, tmp_path / "signed", None, sign=True)

    def verified(path: Path) -> bool:
        call = ["osslsigncode", "verify", "-CAfile", str(tmp_path / "certificate.pem"), "-in", str(path)]
        return subprocess.run(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0

    assert verified(made)
    assert not verified(unsigned)
    made.write_bytes(made.read_bytes().replace(b"DOS mode", b"DOS MODE", 1))
    assert not verified(made)


def _certificate(folder: Path) -> Path:
    """One that signs programs, with its key; beside it as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Lastvagt test")])
    start = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=9))
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CODE_SIGNING]), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    bundle = pkcs12.serialize_key_and_certificates(b"test", key, made, None, serialization.BestAvailableEncryption(b"of a test"))
    (folder / "certificate.pfx").write_bytes(bundle)
    return folder / "certificate.pfx"


@dataclasses.dataclass
class Windows:
    """A Windows of our own, in a folder."""

    prefix: Path

    @property
    def drive(self) -> Path:
        return self.prefix / "drive_c"

    @property
    def local(self) -> Path:
        return next((self.drive / "users").glob("[!P]*")) / "AppData" / "Local"

    @property
    def program_data(self) -> Path:
        return self.drive / "ProgramData" / "Lastvagt"

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
        return {**kept, "WINEPREFIX": str(self.prefix), "WINEARCH": "win64", "WINEDEBUG": "-all", **OWN}

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(WINE), *command], env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def run(self, *command: str) -> int:
        process = self.start(*command)
        process.communicate(timeout=120)
        return process.returncode

    def value(self, name: str, root: str = "HKCU", key: str = KEY) -> str:
        out, _ = self.start("reg", "query", f"{root}\\{key}", *(["/v", name] if name else ["/ve"])).communicate(timeout=60)
        found = re.search(r"REG_\w+\s+(.*)", out)
        return found[1].strip() if found else ""

    def remove(self, folder: Path, *switches: str) -> None:
        """Run the uninstaller, which goes on from a copy of itself, and wait until it has done."""
        self.run(str(folder / "uninstall.exe"), "/S", *switches)
        deadline = time.monotonic() + 30
        while (folder / "uninstall.exe").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.end()

    def end(self, how: str = "-w") -> None:
        """Wait until nothing runs any more, or see to it."""
        subprocess.run(["wineserver", how], env=self._environment(), check=False, timeout=60)

    def calls(self) -> list[str]:
        path = self.drive / "calls.txt"
        told = path.read_text(encoding="ascii").splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return told


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Windows:
    """A Windows nobody has used, to be copied."""
    made = Windows(tmp_path_factory.mktemp("new") / "prefix")
    made.run("wineboot", "-i")
    made.run("winecfg", "-v", "win10")
    for name in STOOD_IN:
        _program(made.drive / "windows" / "system32" / f"{name}.exe", CALLED % (name, name))
    made.end()
    return made


@pytest.fixture
def windows(new: Windows, tmp_path: Path) -> Iterator[Windows]:
    made = Windows(shutil.copytree(new.prefix, tmp_path / "prefix", symlinks=True))
    yield made
    made.end("-k")
    shutil.rmtree(made.prefix)


@needs_wine
@pytest.mark.long
def test_a_user_installs_upgrades_and_removes(windows: Windows, older: Path, newer: Path, tmp_path: Path) -> None:
    first, second = (build.build("user", payload, tmp_path / payload.name, None, more=AMD64) for payload in (older, newer))
    home, data = windows.local / "Programs" / "Lastvagt", windows.local / "lastvagt"
    assert windows.run(str(first), "/S") == 0
    assert (home / "_internal" / "gone" / "old $ é.txt").exists()
    shown = {name: windows.value(name) for name in ("DisplayName", "DisplayVersion", "Publisher", "UninstallString")}
    assert shown["DisplayName"] == "Lastvagt"
    assert shown["DisplayVersion"] == build.__version__
    assert all(shown.values())
    assert windows.value("", key=r"Software\Microsoft\Windows\CurrentVersion\App Paths\lastvagt-engine.exe").endswith(
        "lastvagt-engine.exe"
    )
    menu = list(windows.drive.glob("users/*/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Lastvagt.lnk"))
    assert len(menu) == 1

    (home / "notes.txt").write_text("of the user", encoding="utf-8")
    data.mkdir()
    (data / "lastvagt.sqlite").write_text("data", encoding="utf-8")
    assert windows.run(str(second), "/S") == 0
    assert (home / "_internal" / "a.dll").read_text(encoding="utf-8") == "2"
    assert (home / "_internal" / "b.dll").exists()
    assert not (home / "_internal" / "gone").exists()
    assert (home / "notes.txt").exists()
    assert menu[0].exists()

    windows.remove(home)
    assert [path.name for path in home.iterdir()] == ["notes.txt"]
    assert not windows.value("DisplayName")
    assert not menu[0].exists()
    assert (data / "lastvagt.sqlite").exists()

    (home / "notes.txt").unlink()
    assert windows.run(str(second), "/S") == 0
    windows.remove(home, "/PURGE")
    assert not home.exists()
    assert not data.exists()


@needs_wine
@pytest.mark.long
def test_an_upgrade_touches_nothing_while_the_program_runs_and_cannot_be_closed(
    windows: Windows, older: Path, newer: Path, tmp_path: Path
) -> None:
    first, second = (build.build("user", payload, tmp_path / payload.name, None, more=AMD64) for payload in (older, newer))
    home = windows.local / "Programs" / "Lastvagt"
    assert windows.run(str(first), "/S") == 0
    running = windows.start(str(home / "lastvagt-engine.exe"))
    time.sleep(2)
    assert windows.run(str(second), "/S") == 3
    assert (home / "_internal" / "a.dll").read_text(encoding="utf-8") == "1"
    running.communicate(timeout=60)
    assert windows.run(str(second), "/S") == 0


@needs_wine
@pytest.mark.long
def test_a_site_file_and_another_folder_are_taken(windows: Windows, older: Path, tmp_path: Path) -> None:
    made = build.build("user", older, tmp_path / "made", None, more=AMD64)
    (windows.drive / "given.toml").write_text("port = 9000\n", encoding="utf-8")
    (windows.drive / "given.toml.minisig").write_text("signature", encoding="utf-8")
    assert windows.run(str(made), "/S", r"/SITE=C:\given.toml", r"/D=C:\Other\Lastvagt") == 0
    home = windows.drive / "Other" / "Lastvagt"
    assert (home / "site.toml").read_text(encoding="utf-8") == "port = 9000\n"
    assert (home / "site.toml.minisig").exists()
    assert windows.run(str(made), "/S", r"/SITE=C:\none.toml") == 4
    assert (home / "site.toml").read_text(encoding="utf-8") == "port = 9000\n"
    windows.remove(home)
    assert {path.name for path in home.iterdir()} == {"site.toml", "site.toml.minisig"}


@needs_wine
@pytest.mark.long
def test_a_machine_gets_a_service_with_an_account_and_a_folder_of_its_own(
    windows: Windows, older: Path, newer: Path, wrapper: Path, tmp_path: Path
) -> None:
    first, second = (build.build("machine", payload, tmp_path / payload.name, wrapper, more=AMD64) for payload in (older, newer))
    home = windows.drive / "Program Files" / "Lastvagt"
    assert windows.run(str(first), "/S") == 0
    assert windows.calls() == []
    assert not (home / "service").exists()

    def shown() -> str:
        menu = next(windows.drive.glob("ProgramData/Microsoft/Windows/Start Menu/Programs/Lastvagt.lnk"))
        return menu.read_bytes().replace(b"\0", b"").decode("ascii", "replace")

    assert "--connect" not in shown()
    assert windows.run(str(first), "/S", "/SERVICE") == 0
    assert "--connect http://127.0.0.1:8787" in shown()
    windows.remove(home)
    windows.calls()
    (windows.drive / "given.toml").write_text("port = 9000\n", encoding="utf-8")
    assert windows.run(str(first), "/S", "/SERVICE", r"/SITE=C:\given.toml") == 0
    assert "--connect" not in shown()
    assert (windows.program_data / "site.toml").exists()
    calls = windows.calls()
    assert [call for call in calls if not call.startswith("icacls")] == [
        "wrapper install",
        r'sc config lastvagt-engine obj= "NT SERVICE\lastvagt-engine"',
        "wrapper start",
    ]
    rights = [call for call in calls if call.startswith("icacls")]
    assert any(r'Lastvagt" /inheritance:r' in call and "S-1-5-32-545:(OI)(CI)RX" in call for call in rights)
    assert any(r'Lastvagt\data" /inheritance:r' in call and "S-1-5-32-545" not in call for call in rights)
    assert rights[-1] == r'icacls "C:\ProgramData\Lastvagt\data" /grant "NT SERVICE\lastvagt-engine:(OI)(CI)M"'

    (windows.program_data / "data" / "lastvagt.sqlite").write_text("data", encoding="utf-8")
    assert windows.run(str(second), "/S") == 0  # a service stays one
    assert [call for call in windows.calls() if call.startswith("wrapper")] == [
        "wrapper stopwait",
        "wrapper stopwait",
        "wrapper uninstall",
        "wrapper install",
        "wrapper start",
    ]
    windows.remove(home)
    assert not home.exists()
    assert (windows.program_data / "data" / "lastvagt.sqlite").exists()
    assert (windows.program_data / "site.toml").exists()


@needs_wine
@pytest.mark.long
def test_a_service_that_cannot_be_made_is_told(windows: Windows, older: Path, wrapper: Path, tmp_path: Path) -> None:
    made = build.build("server", older, tmp_path / "made", wrapper, more=AMD64)
    (windows.drive / "refuse-sc").touch()
    assert windows.run(str(made), "/S") == 4
    (windows.drive / "refuse-sc").unlink()
    assert windows.run(str(made), "/S") == 0
    assert not list(windows.drive.glob("ProgramData/Microsoft/Windows/Start Menu/Programs/Lastvagt.lnk"))
