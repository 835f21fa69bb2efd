"""Asks the Python Packaging Advisory Database whether any package of packaging/lock.txt is known to be vulnerable, with pip-audit.

Ends with 1 where one is, and with 0 and a plain word where nobody could be asked: it is then not known. `--strict` makes that 4."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().with_name("lock.txt")
_VULNERABLE = re.compile(r"Found \d+ known vulnerabilit")


def main() -> int:
    """Ask, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--strict", action="store_true", help="end with 4 where nobody could be asked")
    args = parser.parse_args()
    if shutil.which("pip-audit") is None:
        return unknown("pip-audit is not installed (pip install pip-audit)", args.strict)
    ran = subprocess.run(
        ["pip-audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip", "--progress-spinner", "off"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode == 0:
        print(f"No known vulnerability in the packages of {LOCK.name}.")
        return 0
    if _VULNERABLE.search(ran.stdout + ran.stderr):
        print(ran.stdout + ran.stderr)
        return 1
    return unknown((ran.stderr.strip().splitlines() or ["it says nothing"])[-1], args.strict)


def unknown(why: str, strict: bool) -> int:
    """Say that it is not known."""
    print(f"NOT AUDITED: whether packages have known vulnerabilities is not known here: {why}.", file=sys.stderr)
    return 4 if strict else 0


if __name__ == "__main__":
    sys.exit(main())
