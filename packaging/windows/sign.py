"""Signs a Windows program in place: with signtool on Windows, with osslsigncode elsewhere.

The certificate is the file SIGN_PFX with the password SIGN_PASSWORD; SIGN_TIMESTAMP_URL names who bears witness to the time, so that
the signature outlives the certificate.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def sign(program: Path) -> None:
    """Sign it, or raise CalledProcessError and leave it as it was."""
    pfx, password, url = os.environ["SIGN_PFX"], os.environ["SIGN_PASSWORD"], os.environ.get("SIGN_TIMESTAMP_URL")
    if sys.platform == "win32":
        witness = ["/tr", url, "/td", "SHA256"] if url else []
        subprocess.run(["signtool", "sign", "/q", "/fd", "SHA256", "/f", pfx, "/p", password, *witness, str(program)], check=True)
        return
    signed = program.with_name(f"{program.name}.signed")
    witness = ["-ts", url] if url else []
    command = ["osslsigncode", "sign", "-h", "sha256", "-pkcs12", pfx, "-readpass", "/dev/stdin", "-n", "Lastvagt", *witness]
    subprocess.run(
        [*command, "-in", str(program), "-out", str(signed)], input=password, text=True, stdout=subprocess.DEVNULL, check=True
    )
    signed.replace(program)


def main() -> int:
    """Sign the programs that are named."""
    for name in sys.argv[1:]:
        sign(Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
