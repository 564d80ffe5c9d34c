"""Which folder a split is, and which of its layouts; one that may be meant in two ways is asked about."""

from pathlib import Path

from gaxjax.data.config import Data, frames_taken, has_clips, has_two_images
from gaxjax.data.listing import has_images
from gaxjax.data.movies import movie_suffixes
from gaxjax.errors import InputError, summarize_error
from gaxjax.files.places import as_path, check_reachable, list_folders

SPLITS = {"train", "training", "trainval", "test", "testing", "val", "valid", "validation", "dev", "eval"}
"""Names that subfolders have where each is a split."""


def folder_of_split(data: Data) -> Path:
    """The folder of the split: its subfolder; without a subfolder "train" the folder itself is "train".

    Of `layout=domains`, the folder that holds both domains.
    """
    if data.layout == "domains":
        return domain_folders(data)["a"].parent
    folder = data_folder(data)
    # Before any other look: trainA and trainB read as one set, or as two classes, train without a word.
    check_domains(folder, data)
    if data.split and (folder / data.split).is_dir():
        check_split(folder, data)
        return folder / data.split
    # Only for "train": whoever names another split that is not there gets the error below.
    if data.split == "train":
        check_whole(folder, data)
    if data.split in ("", "train"):
        return folder
    subfolders = describe_subfolders(folder)
    raise InputError(
        f"{folder} has no subfolder {data.split!r}; its subfolders: {subfolders}. "
        "split=train without a subfolder train is the folder itself"
    )


def domain_folders(data: Data) -> dict[str, Path]:
    """Where a and b are: trainA and trainB, or of another split; or the split's subfolders a and b."""
    folder = data_folder(data)
    whole = data.split in ("", "train") and not (data.split and (folder / data.split).is_dir())
    inner = folder if whole else folder / data.split
    for domains in ([folder / f"{data.split}{side}" for side in "AB"], [inner / side for side in "ab"]):
        if all(domain.is_dir() for domain in domains):
            return dict(zip("ab", reversed(domains) if data.swap else domains, strict=True))
    raise InputError(
        f"layout=domains takes a and b from two folders, {data.split}A and {data.split}B, or a and b in "
        f"{inner}; {folder} has only {describe_subfolders(folder)}"
    )


def data_folder(data: Data) -> Path:
    """The directory of the description; InputError for one that is not there."""
    if not data.directory:
        raise InputError(
            "name=folder needs directory, the folder of images or clips: --data.directory DIR of a recipe, "
            "--data-directory DIR of a table"
        )
    folder = as_path(data.directory).expanduser()
    check_reachable(folder)
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {what}; directory is the folder of images")
    return folder


def subfolders_of(folder: Path) -> list[Path]:
    """The folders in it that are not hidden, sorted."""
    try:
        return sorted(path for path in list_folders(folder) if path.name[0] != ".")
    except OSError as error:
        raise InputError(f"{folder} cannot be looked into ({summarize_error(error)})") from error


def describe_pairs(data: Data) -> str:
    """Which images are a and b, and what training does to them at random; empty where there are none.

    >>> describe_pairs(Data("folder", (256, 256, 3), layout="halves", jitter=286))
    'a is the left half of each image, b the right, in pairs, cropped at random out of a height of 286'
    """
    if not has_two_images(data):
        return ""
    if data.layout == "halves":
        a, b = ("right", "left") if data.swap else ("left", "right")
        places = f"a is the {a} half of each image, b the {b}"
    else:
        places = ", ".join(f"{side} is from {folder}" for side, folder in domain_folders(data).items())
    by_name = " by name" if data.layout == "domains" else ""
    order = f"in pairs{by_name}" if data.paired else "each in an order of its own"
    jitter = f", cropped at random out of a height of {data.jitter}" if data.jitter else ""
    return f"{places}, {order}{jitter}{', mirrored at random' if data.flip else ''}"


def describe_clips(data: Data) -> str:
    """Which frames of the files of a folder clips are of; empty where there are none.

    >>> describe_clips(Data("folder", (16, 64, 64, 3), stride=2))
    '16 frames out of 31, from one that is chosen at random'
    >>> describe_clips(Data("folder", (16, 64, 64, 3), first_frames=True))
    '16 frames out of 16, from the first'
    """
    if not has_clips(data) or data.name != "folder":
        return ""
    start = "the first" if data.first_frames else "one that is chosen at random"
    mirrored = ", mirrored at random" if data.flip else ""
    return f"{data.shape[0]} frames out of {frames_taken(data)}, from {start}{mirrored}"


def describe_subfolders(folder: Path) -> str:
    """Their names, for a message."""
    return ", ".join(path.name for path in subfolders_of(folder)) or "none"


def check_domains(folder: Path, data: Data) -> None:
    """Refuses two domains, trainA and trainB, in another layout."""
    names = [f"{data.split}{side}" for side in "AB"]
    if data.split and all((folder / name).is_dir() for name in names):
        raise InputError(
            f"{folder} has {' and '.join(names)}, two domains: layout=domains (--data.layout domains) takes "
            "a from the one and b from the other, images of one name as a pair, or with paired=False "
            "(--data.no-paired) each in an order of its own; split='' (--data.split '') takes all images "
            f"below {folder} as one set"
        )


def has_examples(folder: Path, data: Data) -> bool:
    """Whether there is a file anywhere below that may be an example."""
    return has_images(folder, movie_suffixes(data))


def check_split(folder: Path, data: Data) -> None:
    """Refuses a folder "train" that may as well be a class, beside others of which none is a split."""
    split = data.split
    others = [path for path in subfolders_of(folder) if path.name != split and has_examples(path, data)]
    # A class may be called train (bus, car, train: COCO's). Taken for the split, it alone would be trained
    # on.
    if split == "train" and others and not any(path.name.lower() in SPLITS for path in others):
        names = ", ".join(path.name for path in others[:3]) + ", ..." * (len(others) > 3)
        raise InputError(
            f"{folder / split} may be the split or a class, for beside it are {names}: use split='' "
            f"(--data.split '') for all of {folder}, or directory={folder / split} for that folder alone"
        )


def check_whole(folder: Path, data: Data) -> None:
    """Refuses to train on all of a folder in which a subfolder is named as another split."""
    # With test/ beside loose training images, all of the folder would have the test images in it.
    others = [p for p in subfolders_of(folder) if p.name.lower() in SPLITS and has_examples(p, data)]
    if others:
        raise InputError(
            f"{folder} has no subfolder train, and would be trained on with {others[0].name} in it: use "
            f"split='' (--data.split '') for all of it, or put what is trained on into {folder / 'train'}"
        )
