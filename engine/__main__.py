"""The program `lastvagt-engine`: calls what its words ask for, and tells what came of it."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence

from engine import command_line, site
from engine.domain import Expected


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code that `command_line` explains."""
    logging.getLogger().addHandler(logging.NullHandler())  # commands tell their troubles themselves; `run` adds a log
    try:
        args = command_line.parse(sys.argv[1:] if argv is None else argv)
    except SystemExit as end:
        return int(end.code or 0)
    if args.site:  # what this process starts must find it too
        os.environ[site.VARIABLE] = str(args.site.resolve())
    try:
        return int(args.function(args))
    except Expected as problem:
        print(f"{problem.problem}\n{problem.remedy}", file=sys.stderr)
        return int(getattr(problem, "exit_code", 4))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  the interpreter flushes it at exit
        return 0
    except OSError as error:
        print(
            f"{error.filename or 'The system'}: {error.strerror or error}.\nCheck the path, its permissions and the disk.",
            file=sys.stderr,
        )
        return 4
    except Exception:  # noqa: BLE001 - nothing above catches it, and the exit code must tell it from other failures
        traceback.print_exc()
        print("This is a fault of the program; please report it with the lines above.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
