"""No setting of the user's reaches a build: variables, files in the home directory, pipes that nobody reads."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lib.study import provenance, surroundings
from tests import patience, toy_book

# What people have set for other reasons, and would change numbers, pages, their origin, or end a build.
DROPPED = """
    MPLBACKEND MPLCONFIGDIR MATPLOTLIBRC PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONOPTIMIZE PYTHONWARNINGS
    PYTHONHASHSEED PYTHONINSPECT PYTHONIOENCODING PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX PYTHONUSERBASE
    PYTHONNOUSERSITE PYTHONSAFEPATH PYTHONUTF8 PYTHONDEVMODE PYTHONFAULTHANDLER PYTHONMALLOC PYTHONBREAKPOINT
    PYTHONUNBUFFERED PYTHONPLATLIBDIR PYTHONCOERCECLOCALE VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV
    JUPYTER_PATH JUPYTER_CONFIG_DIR JUPYTER_CONFIG_PATH JUPYTER_DATA_DIR JUPYTER_RUNTIME_DIR
    JUPYTER_PREFER_ENV_PATH JUPYTER_DEFAULT_PROVISIONER_NAME JUPYTER_PLATFORM_DIRS IPYTHONDIR
    IPY_TEST_SIMPLE_PROMPT IPYKERNEL_CELL_NAME PYDEVD_DISABLE_FILE_VALIDATION GIT_DIR GIT_WORK_TREE
    GIT_INDEX_FILE GIT_COMMON_DIR GIT_OBJECT_DIRECTORY GIT_CEILING_DIRECTORIES GIT_CONFIG_COUNT
    GIT_CONFIG_PARAMETERS GIT_CONFIG_GLOBAL GIT_LITERAL_PATHSPECS GIT_TRACE GIT_PAGER NUMBA_DISABLE_JIT
    NUMBA_NUM_THREADS NUMBA_CACHE_DIR NUMBA_CPU_NAME NUMBA_BOUNDSCHECK OMP_NUM_THREADS OMP_PROC_BIND
    KMP_AFFINITY GOMP_CPU_AFFINITY MKL_NUM_THREADS MKL_CBWR OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS
    BLIS_NUM_THREADS NPY_DISABLE_CPU_FEATURES ATEN_CPU_CAPABILITY DNNL_MAX_CPU_ISA ONEDNN_DEFAULT_FPMATH_MODE
    TORCH_LOGS TORCHINDUCTOR_CACHE_DIR PYTORCH_JIT NVIDIA_TF32_OVERRIDE CUBLAS_WORKSPACE_CONFIG GLIBC_TUNABLES
    SOURCE_DATE_EPOCH DOCUTILSCONFIG SPHINXOPTS LANGUAGE NO_COLOR FORCE_COLOR COLUMNS TQDM_DISABLE
    JOBLIB_MULTIPROCESSING LOKY_PICKLER PANDAS_COPY_ON_WRITE RUFF_OUTPUT_FORMAT SHELL BASH_ENV PWD OLDPWD
    DISPLAY EDITOR MAKEFLAGS SNAKEMAKE_PROFILE PROFILE JOBS PARAMS XDG_CONFIG_HOME XDG_DATA_HOME
    COMPANION_ROOT COMPANION_HOME COMPANION_RUN COMPANION_CORES COMPANION_LIFELINE
    AWS_SECRET_ACCESS_KEY GITHUB_TOKEN HTTP path
""".split()
# What a machine, a network or a cluster needs.
KEPT = """
    PATH HOME USER LOGNAME TERM LANG LC_ALL LC_CTYPE TZ TMPDIR TMP TEMP XDG_RUNTIME_DIR XDG_CACHE_HOME
    JOBLIB_TEMP_FOLDER LD_LIBRARY_PATH LD_PRELOAD DYLD_LIBRARY_PATH NIX_LD NIX_LD_LIBRARY_PATH LOCALE_ARCHIVE
    CUDA_VISIBLE_DEVICES CUDA_HOME CUDA_DEVICE_ORDER NVIDIA_VISIBLE_DEVICES HIP_VISIBLE_DEVICES
    ROCR_VISIBLE_DEVICES HSA_OVERRIDE_GFX_VERSION ZE_AFFINITY_MASK PYTORCH_CUDA_ALLOC_CONF PYTORCH_ALLOC_CONF
    SLURM_JOB_ID SLURM_CPUS_PER_TASK PBS_NODEFILE LSB_JOBID SGE_TASK_ID LOKY_MAX_CPU_COUNT
    DASK_SCHEDULER_ADDRESS DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES DASK_CONFIG RAY_ADDRESS
    OMPI_COMM_WORLD_RANK PMI_RANK UCX_TLS FI_PROVIDER NCCL_SOCKET_IFNAME http_proxy HTTPS_PROXY no_proxy
    SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE KRB5CCNAME
""".split()


@pytest.mark.parametrize("name", DROPPED)
def test_settings_of_tools_are_dropped(name):
    made = surroundings.variables({"PATH": "/bin", name: "the user's"})
    assert not surroundings.stays(name) and made.get(name) != "the user's" and made["PATH"] == "/bin"


@pytest.mark.parametrize("name", KEPT)
def test_what_the_machine_needs_stays(name):
    assert surroundings.variables({name: "a value"})[name] == "a value"


def test_every_variable_that_stays_says_why():
    assert all(reason and not name.endswith("**") for name, reason in surroundings.STAYS.items())


SPY = '''
```{code-cell} ipython3
import json
import os
import shutil
import subprocess
import sys

import yaml
from joblib import Parallel, delayed

from lib.toy import spy

seen = {"kernel": spy.look(), "workers": Parallel(2)(delayed(spy.look)() for _ in range(2)),
        "command": subprocess.run("echo $SHELL", shell=True, capture_output=True, text=True).stdout,
        "yaml": yaml.__file__}
(root() / "_build/seen.json").write_text(json.dumps(seen))
```
'''
LOOK = '''import os
import sys


def look():
    """What a process has around it."""
    return {"variables": dict(os.environ), "path": sys.path, "optimize": sys.flags.optimize,
            "utf8": sys.flags.utf8_mode, "warnings": sys.warnoptions, "executable": sys.executable}
'''


def hostile(place: Path) -> dict[str, str]:
    """The settings of a user who has set everything that a build must not follow."""
    foreign, home = place / "foreign", place / "home"
    for name in ("yaml", "numpy", "psutil", "joblib", "papermill", "nbformat", "sphinx", "git"):
        toy_book.write(foreign, f"{name}.py", f"raise SystemExit('the {name} of a foreign folder')\n")
    kernel = json.dumps({"argv": ["false"], "display_name": "Mine", "language": "python"})
    for name, text in {
            ".local/share/jupyter/kernels/python3/kernel.json": kernel, "jupyter/kernels/python3/kernel.json": kernel,
            ".ipython/profile_default/startup/00-mine.py": "raise SystemExit('the startup file of a user')\n",
            "ipython/profile_default/startup/00-mine.py": "raise SystemExit('the startup file of a user')\n",
            ".config/matplotlib/matplotlibrc": "backend: Agg\nfigure.figsize: 1, 1\n", "matplotlibrc": "backend: Agg\n",
            ".docutils": "[general]\nreport_level: 1\n", "docutils.conf": "[general]\ninput_encoding: ascii\n",
            ".jupyter/jupyter_config.json": '{"KernelManager": {"transport": "ipc"}}',
            ".gitconfig": "[color]\n ui = always\n[status]\n branch = true\n showUntrackedFiles = no\n"
                          "[log]\n showSignature = true\n[core]\n hooksPath = /nonexistent\n"}.items():
        toy_book.write(home, name, text)
    other = place / "other"
    toy_book.write(other, "a.txt", "a")
    toy_book.commit(other)
    values = dict.fromkeys(set(DROPPED) - {"PYTHONHOME", "PYTHONPLATLIBDIR", "MAKEFLAGS", "path", "PYTHONSAFEPATH",
                                           "PYTHONMALLOC", "GLIBC_TUNABLES", "PYTHONDEVMODE", "PYTHONINSPECT"}, "3")
    return values | {
        "HOME": str(home), "PYTHONPATH": str(foreign), "PYTHONSTARTUP": str(foreign / "yaml.py"), "MPLBACKEND": "Agg",
        "PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error", "PYTHONIOENCODING": "ascii", "PYTHONHASHSEED": "5",
        "VIRTUAL_ENV": str(place), "JUPYTER_PATH": str(home / "jupyter"), "JUPYTER_PREFER_ENV_PATH": "0",
        "IPYTHONDIR": str(home / "ipython"), "MPLCONFIGDIR": str(home), "MATPLOTLIBRC": str(home),
        "DOCUTILSCONFIG": str(home / "docutils.conf"), "GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(other),
        "SHELL": "/bin/false", "LANGUAGE": "de", "COMPANION_ROOT": str(other), "COMPANION_HOME": str(other),
        "COMPANION_RUN": str(other), "SNAKEMAKE_PROFILE": "slurm", "PYTHONPYCACHEPREFIX": str(place / "cache"),
        "SLURM_JOB_ID": "7", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONUSERBASE": str(place), "PYTHONDUMPREFS": ""}


def test_a_build_is_the_same_whatever_the_shell_says(tmp_path):
    top = toy_book.make(tmp_path / "book")
    toy_book.write(top, "lib/toy/spy.py", LOOK)
    with (top / "book/01-first.md").open("a") as file:
        file.write(SPY)
    toy_book.commit(top)
    theirs = hostile(tmp_path)
    done = subprocess.run(toy_book.command(top, "book"), cwd=top, env=os.environ | theirs, timeout=patience.LIMIT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"The book: {top}/_build/html/index.html\n")
    seen = json.loads((top / "_build/seen.json").read_text())
    for one in (seen["kernel"], *seen["workers"]):
        found = one["variables"]
        assert [name for name in DROPPED if name in found and found[name] == theirs.get(name)] == []
        assert found["SLURM_JOB_ID"] == "7" and "LANGUAGE" not in found
        assert found["COMPANION_ROOT"] == str(top) and found["PYTHONHASHSEED"] == "0"
        assert str(tmp_path / "foreign") not in one["path"] and one["path"].count(str(top)) == 1
        assert one["optimize"] == 0 and one["warnings"] == [] and one["utf8"] == 1
        assert one["executable"] == sys.executable
    assert seen["command"].strip() == "" and "site-packages" in seen["yaml"]
    record = json.loads((top / "_build/executed/01-first.json").read_text())
    assert record["provenance"]["commit"] == toy_book.git(top, "rev-parse", "HEAD")
    assert record["provenance"]["dirty"] is False
    assert record["provenance"]["versions"] == provenance.versions(top)
    assert sorted(os.listdir(tmp_path / "other")) == [".git", ".gitignore", "a.txt"]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A toy book that was never run, with a parameter set that is wrong; nothing in it is changed."""
    top = toy_book.make(tmp_path_factory.mktemp("surroundings") / "book")
    toy_book.write(top, "book/parameters/wrong.yml", '"01":\n  größe: 2\n')
    toy_book.run(top, "status")
    return top


@pytest.mark.parametrize("beside", [["yaml", "json", "argparse", "runpy", "types", "random", "numpy", "re"], ["yaml"]])
def test_modules_of_a_foreign_folder_do_not_end_the_driver(tmp_path, book, beside):
    """As the Makefile starts it, with settings of Python that would end it before our code runs."""
    top = shutil.copytree(book, tmp_path / "book")
    for module in beside if len(beside) > 1 else ["lib"]:
        toy_book.write(tmp_path, f"foreign/{module}.py", f"raise SystemExit('foreign {module}')\n")
    for module in beside:
        toy_book.write(top, f"{module}.py", f"raise SystemExit('{module} beside the tree')\n")
    steered = {"PYTHONPATH": str(tmp_path / "foreign"), "PYTHONHOME": str(tmp_path), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-I", "-X", "utf8", "lib/study/surroundings.py", "lib", "status"]
    done = subprocess.run(command, cwd=top, env=os.environ | steered, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("01-first   never run"), done.stdout + done.stderr


def test_a_module_without_a_command_is_refused(book):
    command = [sys.executable, "-I", "-X", "utf8", "lib/study/surroundings.py", "lib.pipeline.build", "check"]
    done = subprocess.run(command, cwd=book, capture_output=True, text=True)
    assert done.returncode == 1 and "expected a command, got the module lib.pipeline.build; try" in done.stderr


@pytest.mark.parametrize(("name", "value"), [
    ("PYTHONPATH", "{foreign}"), ("PYTHONOPTIMIZE", "2"), ("PYTHONWARNINGS", "error"), ("PYTHONINSPECT", "1"),
    ("PYTHONSTARTUP", "{foreign}/yaml.py"), ("PYTHONIOENCODING", "ascii"), ("PYTHONSAFEPATH", ""), ("LC_ALL", "C"),
    ("LC_ALL", "POSIX"), ("LC_ALL", "nowhere"), ("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUTF8", "0"), ("HOME", ""),
    ("HOME", "."), ("HOME", "/nonexistent"), ("TMPDIR", "/nonexistent"), ("TERM", "dumb"), ("COLUMNS", "5"),
    ("COMPANION_ROOT", "/nonexistent"), ("COMPANION_MADE", "1"), ("COMPANION_LIFELINE", "stdin"),
    ("PATH", "/nonexistent")])
def test_a_command_says_the_same_whatever_is_set(tmp_path, book, name, value):
    toy_book.write(tmp_path, "foreign/yaml.py", "raise SystemExit('foreign')\n")
    command = [sys.executable, "-m", "lib", "status", "--profile", "wrong"]
    done = subprocess.run(command, cwd=book, capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL,
                          env=os.environ | {name: value.format(foreign=tmp_path / "foreign")})
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "01-first   failed" and lines[2] == "02-second  never run"
    assert "wrong.yml, section 01: expected parameters of 01-first, got größe; try n_points" in lines[1]


@pytest.mark.parametrize("arguments", [
    ["status"], ["check"], ["records-status"], ["verify"], ["accept"], ["--help"], ["--profile", "none", "check"],
    ["chapter", "none"]], ids=lambda arguments: arguments[-1])
def test_output_that_nobody_reads_ends_no_command(tmp_path, book, arguments):
    """As with `| head`, which reads some lines and ends, and with `>&-`."""
    top = shutil.copytree(book, tmp_path / "book")
    (top / "book/parameters/wrong.yml").unlink()
    whole = toy_book.run(top, *arguments)
    for streams in ("stdout", "both", "closed"):
        command = toy_book.command(top, *arguments)
        reading, writing = os.pipe()
        os.close(reading)
        if streams == "closed":
            command = ["sh", "-c", 'exec "$@" >&- <&-', "sh", *command]
        done = subprocess.run(command, cwd=top, env=toy_book.environment(top), text=True,
                              stdout=subprocess.PIPE if streams == "closed" else writing,
                              stderr=writing if streams == "both" else subprocess.PIPE)
        os.close(writing)
        assert done.returncode == whole.returncode and not done.stdout
        assert streams == "both" or (done.stderr == whole.stderr and "Traceback" not in done.stderr)
