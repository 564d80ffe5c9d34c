"""Accelerators and what their makers publish of them: the one table that bounds are computed from.

Interconnect figures are of one direction, for a device: pages that say "bidirectional" count both. GPUs'
rates are dense, without the factor of 2 for structured sparsity.
"""

from dataclasses import dataclass, replace

from gaxjax.errors import InputError

CLOUD = "docs.cloud.google.com/tpu/docs"
MEMORY = "[memory]"
"""Of figures that were written down without the page at hand."""


@dataclass(frozen=True)
class Chip:
    """A device as a program sees it. Bytes and operations a second, bytes, seconds."""

    name: str
    platform: str
    """JAX's name of it: tpu or cuda"""
    bfloat16: float
    """multiplications and additions, a second"""
    float32: float
    """the same of float32 arrays at JAX's default precision: bfloat16 passes on TPUs, TF32 on GPUs"""
    memory: float
    """bytes"""
    bandwidth: float
    """of that memory"""
    link: float
    """to the others of its domain, all links together"""
    domain: int
    """so many devices that these links join: a pod, or the GPUs of a host"""
    torus: int
    """axes that the links of a domain make rings along; 0 for a switch"""
    network: float
    """to devices of other domains; 0 where no page says"""
    channels: int
    """that a matrix unit takes at a time: what fewer channels are padded to"""
    source: str
    """the page for each figure"""


HOP = 1e-6
"""Seconds that a message takes to a neighbor, about: of ICI, by jax-ml.github.io/scaling-book, on sharded
matrices. NCCL's own model has 0.8 for NVLink (NVIDIA/nccl, src/graph/tuning.cc) and the same is taken."""

V5E = Chip(
    name="v5e",
    platform="tpu",
    bfloat16=197e12,
    float32=197e12,
    memory=16e9,
    bandwidth=819e9,
    link=200e9,  # 400 GB/s bidirectional
    domain=256,
    torus=2,
    network=3.125e9,  # 6.4 Tb/s for a pod of 256
    channels=128,
    source=f"{CLOUD}/v5e",
)
H100 = Chip(
    name="h100",
    platform="cuda",
    bfloat16=989.4e12,
    float32=494.7e12,
    memory=80e9,
    bandwidth=3.35e12,
    link=450e9,  # NVLink 4, 900 GB/s bidirectional
    domain=8,
    torus=0,
    network=50e9,  # ConnectX-7, 400 Gb/s for each GPU of a DGX H100
    channels=8,
    source=f"NVIDIA H100 datasheet (SXM) and whitepaper (dense rates), DGX H100 datasheet (network) {MEMORY}",
)
CHIPS = {
    chip.name: chip
    for chip in (
        Chip(
            name="v4",
            platform="tpu",
            bfloat16=275e12,
            float32=275e12,
            memory=32 * 2**30,
            bandwidth=1200e9,
            link=300e9,  # 6 links of 50 GB/s
            domain=4096,
            torus=3,
            network=0,
            channels=128,
            source=f"{CLOUD}/v4; links: Jouppi et al. 2023, arXiv 2304.01433 {MEMORY}",
        ),
        V5E,
        Chip(
            name="v5p",
            platform="tpu",
            bfloat16=459e12,
            float32=459e12,
            memory=95 * 2**30,
            bandwidth=2765e9,
            link=600e9,  # 1,200 GB/s bidirectional
            domain=8960,
            torus=3,
            network=6.25e9,  # 50 Gb/s for a chip
            channels=128,
            source=f"{CLOUD}/v5p-training",
        ),
        Chip(
            name="v6e",
            platform="tpu",
            bfloat16=918e12,
            float32=918e12,
            memory=32e9,
            bandwidth=1638e9,
            link=400e9,  # 800 GB/s bidirectional
            domain=256,
            torus=2,
            network=0,
            channels=256,  # two units of 256 x 256
            source=f"{CLOUD}/v6e",
        ),
        H100,
        replace(
            H100,
            name="h200",
            memory=141e9,
            bandwidth=4.8e12,
            source=f"NVIDIA H200 datasheet (SXM); rates and network as for the H100 {MEMORY}",
        ),
        Chip(
            name="b200",
            platform="cuda",
            bfloat16=2250e12,
            float32=1125e12,
            memory=180e9,
            bandwidth=8e12,
            link=900e9,  # NVLink 5, 1.8 TB/s bidirectional
            domain=8,
            torus=0,
            network=50e9,  # ConnectX-7, 400 Gb/s for each GPU
            channels=8,
            source=f"NVIDIA HGX B200 and DGX B200 datasheets, a GPU's share of eight {MEMORY}",
        ),
    )
}


def find_chip(name: str) -> Chip:
    """By its name in the table. InputError for others."""
    if name not in CHIPS:
        raise InputError(f"{name!r} is no chip that is known here; use one of {', '.join(CHIPS)}")
    return CHIPS[name]
