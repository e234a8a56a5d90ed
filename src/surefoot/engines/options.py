"""The engine that somebody asks for, from the options of the command line or of `surefoot.choose`.

with EngineOptions("local", workers=2, memory=4 * 2**30).open(["digits"]) as engine:
    engine.start(job)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from surefoot.errors import InvalidInputError
from surefoot.path_names import check_path_name

if TYPE_CHECKING:
    from surefoot.engines.local.engine import LocalEngine
    from surefoot.engines.ray.engine import RayEngine
    from surefoot.tasks.by_value import ShippedTask

KIBIBYTE = 2**10


@dataclass(frozen=True)
class EngineOptions:
    """Where and under which limits runs are made; what is None or empty was not said.

    Attributes:
        name: "local" or "ray".
        workers: runs side by side.
        timeout: seconds for one run.
        memory: bytes for one run.
        gpus: with "local": how many, "all", or which, as `gpus.choose_gpus` reads it.
        ray_address: of the Ray cluster.
        run_cpus, run_gpus: what Ray sets aside for a run.
        checkpoints: folder for trunks; for Ray, on storage that every node sees.
    """

    name: str = "local"
    workers: int | None = None
    timeout: float | None = None
    memory: int | None = None
    gpus: str | None = None
    ray_address: str | None = None
    run_cpus: float | None = None
    run_gpus: float | None = None
    checkpoints: str | None = None

    @property
    def words(self) -> list[str]:
        """The options as they are typed."""
        typed = {
            "--engine": self.name if self.name != "local" else None,
            "--workers": self.workers,
            "--run-timeout": self.timeout,
            "--run-memory": self.memory and f"{-(-self.memory // KIBIBYTE)}k",
            "--gpus": self.gpus,
            **self._for_ray,
            "--checkpoints": self.checkpoints,
        }
        given = {option: value for option, value in typed.items() if value is not None}
        return [word for option, value in given.items() for word in (option, str(value))]

    @property
    def _for_ray(self) -> dict[str, str | float | None]:
        return {"--ray-address": self.ray_address, "--run-cpus": self.run_cpus, "--run-gpus": self.run_gpus}

    def folder(self, study: str) -> Path | None:
        """Where this study's trunks are to be; None if no folder was said.

        Raises:
            InvalidInputError: the study's name may not become a path.
        """
        if not self.checkpoints:
            return None
        return Path(self.checkpoints).absolute() / check_path_name(study, "study")

    def open(self, references: Iterable[str], shipped: ShippedTask | None = None) -> LocalEngine | RayEngine:
        """The engine, to be closed by the caller.

        Args:
            references: tasks and optimizers of the jobs to come.
            shipped: a task by value, which the local engine alone takes.

        Raises:
            InvalidInputError: an option goes with the other engine only, or asks for what is not there.
            ClusterError: there is no Ray cluster at the address.
        """
        if self.name == "local":
            return self._local(shipped)
        if shipped is not None:
            raise ValueError("a task made in Python goes with the local engine only: put it into a file")
        return self._ray(references)

    def _local(self, shipped: ShippedTask | None) -> LocalEngine:
        from surefoot.engines.local.engine import LocalEngine
        from surefoot.engines.local.gpus import choose_gpus, visible_gpus

        for option, value in self._for_ray.items():
            if value is not None:
                raise InvalidInputError(f"{option} goes with --engine ray only")
        gpus = choose_gpus(self.gpus, visible_gpus()) if self.gpus else ()
        return LocalEngine(self.workers, timeout=self.timeout, memory=self.memory, gpus=gpus, shipped=shipped)

    def _ray(self, references: Iterable[str]) -> RayEngine:
        if self.gpus is not None:
            raise InvalidInputError("--gpus goes with --engine local only; on a cluster say --run-gpus")
        try:
            from surefoot.engines.ray.engine import RayEngine
        except ModuleNotFoundError as error:
            raise InvalidInputError(
                f"--engine ray needs the package {error.name}: pip install 'surefoot[ray]'"
            ) from None
        return RayEngine(
            self.ray_address,
            references,
            1.0 if self.run_cpus is None else self.run_cpus,
            self.run_gpus or 0.0,
            self.workers,
            shared_checkpoints=self.checkpoints is not None,
            timeout=self.timeout,
            memory=self.memory,
        )
