"""What AWS sells: pairs of CPU and memory, and times to keep logs."""

from __future__ import annotations

from collections.abc import Mapping

Sizes = Mapping[int, tuple[int, ...]]

FARGATE: Sizes = {
    256: (512, 1024, 2048),
    512: (1024, 2048, 3072, 4096),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16_385, 1024)),
    4096: tuple(range(8192, 30_721, 1024)),
    8192: tuple(range(16_384, 61_441, 4096)),
    16_384: tuple(range(32_768, 122_881, 8192)),
}
"""CPU units (1024 are one vCPU) and the memory in MiB that Fargate sells with them.

Source: docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
"""
APP_RUNNER: Sizes = {
    256: (512, 1024),
    512: (1024,),
    1024: (2048, 3072, 4096),
    2048: (4096, 6144),
    4096: (8192, 10_240, 12_288),
}
"""The same of App Runner. Source: docs.aws.amazon.com/apprunner/latest/dg/manage-configure.html"""
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""The retentions that CloudWatch Logs offers."""


def require_sold(seller: str, sizes: Sizes, cpu: int, memory: int) -> None:
    if cpu not in sizes:
        raise ValueError(f"{seller} sells no cpu of {cpu}; choose one of {_listed(tuple(sizes))}")
    if memory not in sizes[cpu]:
        raise ValueError(
            f"{seller} sells no cpu {cpu} with memory {memory}; with cpu {cpu} choose {_listed(sizes[cpu])}"
        )


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
