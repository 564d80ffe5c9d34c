"""What games refuse of the data that they are played with."""

from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch


def check_images(game: GAN, batch: Batch, remedy: str) -> None:
    """InputError for a batch without images a and b; remedy: which data have them, in the words of flags."""
    # A batch may have more, such as labels, which other parts of a game ask for.
    if not {"a", "b"} <= set(batch):
        raise InputError(
            f"{type(game).__name__} needs batches with images 'a' and 'b'; the data has {sorted(batch)}: "
            f"{remedy}"
        )


def check_clips(game: GAN, batch: Batch, frames: int | None = None) -> None:
    """InputError for a batch without clips 'video', of that many frames; None: as many as networks have."""
    name = type(game).__name__
    if "video" not in batch:
        raise InputError(
            f"{name} needs batches of clips, 'video'; the data has {sorted(batch)}: "
            "use a folder of clips, with a shape (frames, height, width, channels)"
        )
    if frames is not None and (length := batch["video"].shape[1]) != frames:
        raise InputError(
            f"{name}(frames={frames}) is given clips of {length} frames: set its frames or the data's shape"
        )


def check_factors(batch: Batch, count: int) -> None:
    """InputError for a batch without factors of variation, [B, count], one for each number of a code."""
    if "factors" not in batch:
        has = f"beta and alpha are of factors, and the data have {', '.join(sorted(batch))}"
        raise InputError(f"{has}: use shapes, a folder with factors.csv, or beta=0 and alpha=0")
    # A single factor would be broadcast over all codes.
    if (factors := batch["factors"].shape[1]) != count:
        raise InputError(
            f"each factor is a code: the data have {factors} factors and gan.code.size={count}; "
            f"use gan.code.size={factors}, and as many numbers of the discriminator's head"
        )
