"""`python -m lib COMMAND`: `reconstruct FILE` needs the base install alone, all others make the book."""

import sys


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["reconstruct"]:
        from lib import reconstruct  # numba and torch take seconds to load

        return reconstruct.main(arguments[1:])
    from lib.study import surroundings

    if __name__ == "__main__" and "prepared" not in globals():
        surroundings.again("lib", arguments)
    from lib.pipeline import command

    return command.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
