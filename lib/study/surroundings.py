"""What reaches our processes from the shell and the folder that they are started in, and what does not.

``python -I lib/study/surroundings.py MODULE ARGUMENTS`` runs a module of this tree as ``python -m`` would, but with an
environment made here (:func:`variables`), and with `lib` of this tree behind Python's own modules and those of
installed packages, however the tree's folder is called and whatever else lies in it.  The Makefile starts everything
so; ``python -m lib COMMAND`` starts itself again so (`lib/__main__.py`).

Only `os` and `sys` are imported at the top: they are loaded before anything of the user's can take their place.
"""

import os
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MADE = "--made"  # on a command line: its environment is one of :func:`variables` already, and more of ours

# The variables that pass, by name or by how their names begin ("..._*"), and why.  All others stay outside: settings of
# Git, Jupyter, IPython, matplotlib, numba, OpenMP, BLAS, torch, Python, Sphinx, of activated environments and of our
# own runs, which would change numbers, pages or their origin; displays, since nothing here opens a window; passwords.
STAYS = {
    "PATH": "where git and other programs are",
    **dict.fromkeys(("HOME", "USER", "LOGNAME"), "who runs this, and where caches of other packages go"),
    "TERM": "what the terminal can show, for progress bars",
    **dict.fromkeys(("LANG", "LC_*", "TZ", "LOCALE_ARCHIVE", "__CF_USER_TEXT_ENCODING"),
                    "language and time zone of messages; numbers and files do not depend on them"),
    **dict.fromkeys(("TMPDIR", "TMP", "TEMP", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "JOBLIB_TEMP_FOLDER"),
                    "where there is room for temporary files"),
    **dict.fromkeys(("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_*", "NIX_LD*"),
                    "libraries of this machine, without which programs may not start"),
    **dict.fromkeys(("CUDA_*", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "HIP_*", "ROCR_*", "HSA_*",
                     "ZE_*", "PYTORCH_*ALLOC_CONF"), "which graphics processors there are, and their memory"),
    **dict.fromkeys(("SLURM_*", "PBS_*", "LSB_*", "LSF_*", "SGE_*", "OAR_*", "LOKY_MAX_CPU_COUNT"),
                    "the share of a cluster's machine that is ours"),
    **dict.fromkeys(("DASK_*", "RAY_*", "OMPI_*", "PMI_*", "PMIX_*", "I_MPI_*", "UCX_*", "FI_*", "NCCL_*", "GLOO_*"),
                    "how the machines of a cluster find each other"),
    **dict.fromkeys(("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy",
                     "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"), "the way to the network"),
    **dict.fromkeys(("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "KRB5*"),
                    "certificates and tickets of networks and network disks"),
    **dict.fromkeys(("COMPANION_SITE", "COMPANION_REQUIRE_BROWSER"), "what the tests of the site look at, and need"),
}
OURS = {"PYTHONHASHSEED": "0",  # sets have the same order in every run
        "PYTHONUTF8": "1",  # text files and pipes are UTF-8 in every locale
        "PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1",  # no module from the folder or the home directory
        "DOCUTILSCONFIG": os.devnull}  # instead of ~/.docutils

# Settings of a user's own Git that would change what it says.  Its ignored files and line ends stay, since they say
# whether a tree is as committed.
GIT = ("color.ui=false", "core.quotePath=true", "core.hooksPath=" + os.devnull,
       "core.fsmonitor=false", "status.showUntrackedFiles=normal", "status.branch=false", "protocol.file.allow=always",
       "clone.rejectShallow=false", "advice.detachedHead=false")


def stays(name: str) -> bool:
    """Whether a variable of the user's passes."""
    if name in STAYS:
        return True
    starts = (pattern.split("*") for pattern in STAYS if "*" in pattern)
    return any(name.startswith(start) and name.endswith(end) for start, end in starts)


def variables(environ) -> dict[str, str]:
    """The environment of our processes, from that of the user."""
    return {name: value for name, value in environ.items() if stays(name)} | OURS


def command(top, module: str, *arguments: str) -> list[str]:
    """The command line that runs a module with the `lib` of the tree `top`, in an environment as :func:`variables`
    makes it."""
    return [sys.executable, "-P", os.path.join(top, "lib", "study", "surroundings.py"), MADE, module, *arguments]


def git(top, *arguments: str):
    """Run git on the tree `top`, and no other; returns the completed process, with its output as text.

    The tree may belong to another user, since who runs its code trusts it; a repository around it may not: its settings
    could start programs.  Raises FileNotFoundError where there is no git.
    """
    import subprocess

    settings = [word for setting in (f"safe.directory={os.path.realpath(top)}", *GIT) for word in ("-c", setting)]
    return subprocess.run(["git", *settings, "-C", str(top), *arguments], env=variables(os.environ),
                          capture_output=True, text=True, encoding="utf-8", errors="surrogateescape")


def enter() -> None:
    """Make the environment of this process, and of its children."""
    made = variables(os.environ)
    os.environ.clear()
    os.environ.update(made)


def again(module: str, arguments: list[str]) -> None:
    """Put ``surroundings.py MODULE ARGUMENTS`` in the place of the running ``python -m MODULE ARGUMENTS``."""
    os.execve(sys.executable, command(TREE, module, *arguments), variables(os.environ))


def _open_streams() -> None:
    """Let a pipe that nobody reads any more, as behind ``| head``, take what is written all the same."""
    for number in (0, 1, 2):  # closed ones would be given to the files that are opened next
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout, sys.stderr = _stream(1, "surrogateescape"), _stream(2, "backslashreplace")


def _stream(number: int, errors: str):
    import io

    class Patient(io.FileIO):
        def write(self, data):
            try:
                return super().write(data)
            except BrokenPipeError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)
                return len(data)

    raw = io.BufferedWriter(Patient(number, "w", closefd=False))
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=True)


def _run() -> None:
    """Run the module that the command line names."""
    if sys.argv[1] == MADE:
        del sys.argv[1]
    else:
        enter()
    _open_streams()
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if path not in ("", here)]
    installed = [place for place, path in enumerate(sys.path)
                 if os.path.basename(path) in ("site-packages", "dist-packages")] or [len(sys.path)]
    last = installed[-1] + 1
    copied = any(os.path.exists(os.path.join(path, "lib", "study")) for path in sys.path[:last])  # pip install .
    sys.path.insert(installed[0] if copied else last, TREE)
    import runpy

    module = sys.argv[1]
    del sys.argv[1]
    # Any other of ours would do nothing, and say nothing.
    if module.startswith(("lib.study.", "lib.pipeline.")) and module != "lib.pipeline.kernel":
        sys.exit(f"expected a command, got the module {module}; try python -m lib --help")
    runpy.run_module(module, {"prepared": True}, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _run()
