"""The names of ``flytekit.extras.accelerators``."""

from __future__ import annotations

from typing import Any


class GPUAccelerator:
    """A kind of GPU. The pod of a task selects nodes that have it.

    Args:
        device: Its name in Kubernetes.
    """

    def __init__(self, device: str) -> None:
        self.device = device

    def node_selector(self) -> dict[str, str]:
        """Return the label of Kubernetes' nodes that have it."""
        return {"k8s.amazonaws.com/accelerator": self.device}

    @property
    def unpartitioned(self) -> GPUAccelerator:
        """The whole GPU."""
        return self

    def partitioned(self, size: str) -> GPUAccelerator:
        """Return a part of the GPU."""
        return GPUAccelerator(f"{self.device}-{size}")

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, GPUAccelerator) and self.device == other.device

    def __hash__(self) -> int:
        return hash(self.device)


A10G = GPUAccelerator("nvidia-a10g")
A100 = GPUAccelerator("nvidia-tesla-a100")
A100_80GB = GPUAccelerator("nvidia-a100-80gb")
H100 = GPUAccelerator("nvidia-h100")
K80 = GPUAccelerator("nvidia-tesla-k80")
L4 = GPUAccelerator("nvidia-l4")
M60 = GPUAccelerator("nvidia-tesla-m60")
P4 = GPUAccelerator("nvidia-tesla-p4")
P100 = GPUAccelerator("nvidia-tesla-p100")
T4 = GPUAccelerator("nvidia-tesla-t4")
V100 = GPUAccelerator("nvidia-tesla-v100")
