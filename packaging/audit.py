"""Asks the advisories of Python packages, with pip-audit, whether any package of packaging/lock.txt is known to be vulnerable.

Ends with 1 where one is, and with 0 and a plain word where not all could be asked about: it is then not known. `--strict` makes that 4."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().with_name("lock.txt")
_ASK = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json")


def main() -> int:
    """Ask, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--strict", action="store_true", help="end with 4 where not all could be asked about")
    args = parser.parse_args()
    if shutil.which("pip-audit") is None:
        return unknown("pip-audit is not installed (pip install pip-audit)", args.strict)
    ran = subprocess.run(["pip-audit", "--requirement", str(LOCK), *_ASK], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(ran.stdout)["dependencies"]
    except (ValueError, LookupError):
        return unknown((ran.stderr.strip().splitlines() or ["it says nothing"])[-1], args.strict)
    if found := [package for package in packages if package.get("vulns")]:
        for package in found:
            known = ", ".join(vulnerability["id"] for vulnerability in package["vulns"])
            print(f"{package['name']} {package['version']}: {known}")
        return 1
    if skipped := [package for package in packages if "skip_reason" in package]:
        return unknown(f"{len(skipped)} of {len(packages)} packages: {skipped[0]['skip_reason']}", args.strict)
    print(f"No known vulnerability in {len(packages)} packages.")
    return 0


def unknown(why: str, strict: bool) -> int:
    """Say that it is not known."""
    print(f"NOT AUDITED: whether packages have known vulnerabilities is not known here. {why}", file=sys.stderr)
    return 4 if strict else 0


if __name__ == "__main__":
    sys.exit(main())
