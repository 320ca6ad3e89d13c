"""The kernel of a chapter: this very interpreter, started as everything of ours is, not one that a list of installed
kernels names.  It says itself which packages it has."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import ClassVar

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from lib import atomic
from lib.study import provenance, surroundings
from lib.study.notebooks import root

VERSIONS = "versions.json"  # in the directory of the run


class OwnKernel(AsyncKernelManager):
    """Starts the one kernel of this process for papermill, and notes how it ended."""

    status: ClassVar[int | None] = None  # None while it runs

    async def _async_is_alive(self) -> bool:
        if self.provisioner is not None:
            OwnKernel.status = await self.provisioner.poll()
        return await super()._async_is_alive()

    is_alive = _async_is_alive

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(argv=self.format_kernel_cmd(), display_name="Python 3", language="python")

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """The command itself, not a template: a folder may be called `{prefix}`."""
        return surroundings.command(root(), "lib.pipeline.kernel", "-f", self.connection_file, *extra_arguments or ())


def main() -> None:
    """Be a kernel; the arguments are those of ipykernel."""
    if run := os.environ.get("COMPANION_RUN"):
        atomic.write_json(Path(run) / VERSIONS, provenance.versions(root()))
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


if __name__ == "__main__":
    sys.exit(main())
