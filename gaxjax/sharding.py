"""How arrays lie on the devices of the mesh that a step is traced for; without one, as they are."""

import jax
from jax import Array
from jax.sharding import PartitionSpec


def count_devices() -> int:
    """Along `data`, over which a batch is split."""
    return int(dict(jax.sharding.get_abstract_mesh().shape).get("data", 1))


def split_over_devices(examples: Array) -> Array:
    """Examples, [n, ...], a part on each device."""
    devices = count_devices()
    # What they cannot share equally, such as half of a small minibatch, each has whole.
    if devices == 1 or len(examples) % devices:
        return examples
    # Parameters are whole on every device. Where a loss reads no data, as a generator's, nothing else would
    # tell the compiler that the batch is split, and each device would compute all of it.
    return jax.lax.with_sharding_constraint(examples, PartitionSpec("data"))


def copy_to_devices(examples: Array) -> Array:
    """Examples, [n, ...], whole on every device."""
    return jax.lax.with_sharding_constraint(examples, PartitionSpec()) if count_devices() > 1 else examples
