"""How much memory is asked for, before it is taken."""

_DEFAULT_LIMIT = 2**31


def require_memory(n_bytes: int, what: str, *, limit: int = _DEFAULT_LIMIT,
                   hint: str = "fewer spins") -> None:
    """Refuse a request before it fills the memory.

    Parameters
    ----------
    n_bytes : int
        What the request would take.
    what : str
        What would take it, for the message ("the table of 2^40 states").
    limit : int, default 2^31
        Bytes that are allowed.
    hint : str, default "fewer spins"
        What the message advises to try.

    Raises
    ------
    ValueError
        Naming the size.

    """
    if n_bytes > limit:
        raise ValueError(f"expected at most {format_bytes(limit)} of memory, "
                         f"got {what} = {format_bytes(n_bytes)}; try {hint}")


def format_bytes(n_bytes: int) -> str:
    """A size for people: 2147483648 -> '2.0 GiB'.

    Parameters
    ----------
    n_bytes : int
        At least 0.

    Returns
    -------
    str
        In the largest unit of which there is one.

    """
    # Exact integers on purpose: 8 * 2**5000 bytes must not overflow a float.
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
    power = min(max(int(n_bytes).bit_length() - 1, 0) // 10, len(units) - 1)
    scaled = 10 * int(n_bytes) // 1024**power
    if scaled >= 10**9:
        return f"about 10^{len(str(scaled)) - 2} {units[power]}"
    return f"{scaled // 10}.{scaled % 10} {units[power]}"
