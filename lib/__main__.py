"""Commands that need the base install alone: `python -m lib reconstruct FILE --hidden 10`."""

import sys


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] != "reconstruct":
        print("usage: python -m lib reconstruct FILE [--hidden 10]   (--help tells the rest)", file=sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    from lib import reconstruct  # numba and torch take seconds to load
    return reconstruct.main(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
