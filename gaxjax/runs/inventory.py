"""What a run is trained on: told at its start, kept with it as data.json, and compared at a later start.

examples, spec     how many, and shape and dtype of one, by name
classes, names     how many labels there are, and what each is called, where that is known
factors            what the numbers are called that each image is made from, where there are any
counts             examples of each label, where they are known without reading images
attributes         the name of each, and how many examples have it
digest             of the names and sizes of all that is read, in its order
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gaxjax.data import Source
from gaxjax.errors import InputError
from gaxjax.files import write_bytes
from gaxjax.game import GAN
from gaxjax.gans.label_sets import count_labels
from gaxjax.layers.conditioning import Head
from gaxjax.layers.modules import submodules
from gaxjax.parallel import tell
from gaxjax.recipe import Recipe
from gaxjax.recipe.serialization import describe, differences
from gaxjax.runs.checkpoint import steps_in
from gaxjax.runs.record import read_json, read_run

FILE = "data.json"
MAX_NAMES = 20
"""Classes that a line names; of more, the first ones and the last."""
Inventory = dict[str, Any]


def inventory_of(source: Source) -> Inventory:
    """All that is known of examples without looking at them."""
    labels, classes = source.labels, source.classes
    return {
        "examples": len(source),
        "spec": {name: {"shape": list(x.shape), "dtype": str(x.dtype)} for name, x in source.spec.items()},
        "classes": classes,
        "names": list(source.class_names),
        "factors": list(source.factor_names),
        "counts": None if labels is None or not classes else np.bincount(labels, minlength=classes).tolist(),
        "attributes": dict(source.attributes),
        "digest": source.digest(),
    }


def write_inventory(workdir: Path, inventory: Inventory) -> None:
    """Keeps it with the run, if it is not there already."""
    path, text = workdir / FILE, json.dumps(inventory, indent=2).encode() + b"\n"
    if not path.exists() or path.read_bytes() != text:
        write_bytes(path, text)


def read_inventory(workdir: Path) -> Inventory:
    """What is kept with a run; empty for one that is older, or that accepts any data."""
    path = workdir / FILE
    inventory = read_json(path) if path.exists() else {}
    if not isinstance(inventory, dict):
        raise InputError(f"{path} is not an inventory of data, which {{}} would be: remove it")
    return inventory


def compare_data(workdir: Path, recipe: Recipe, inventory: Inventory) -> None:
    """InputError where a run goes on that was trained on other data than are read now.

    A run without checkpoints begins anew, with whatever is there. One without an inventory is older than
    inventories: nothing can be compared but how classes were numbered then. An empty one accepts anything.
    """
    if not steps_in(workdir / "checkpoints"):
        return
    if differences(describe(read_run(workdir).data), describe(recipe.data), "data"):
        return  # another recipe, which is refused as that
    path = workdir / FILE
    if not path.exists():
        check_older(workdir, recipe, inventory)
        return
    lines = "\n  ".join(list_changes(read_inventory(workdir), inventory))
    if lines:
        raise InputError(
            f"{workdir} was trained on other data than are read now:\n  {lines}\n"
            f"Bring those back, use another --workdir, or go on with these: echo {{}} > {path}"
        )


def list_changes(before: Inventory, now: Inventory) -> list[str]:
    """What has changed of what is known, a line each; the digest only where nothing else says it."""
    # A field that it lacks, as an older one does, counts as unchanged; so an empty one accepts anything.
    before = now | before
    lines = []
    if before["examples"] != now["examples"]:
        lines.append(f"{before['examples']:,} examples then, {now['examples']:,} now")
    if any(before[field] != now[field] for field in ("classes", "names")):
        lines.append(f"classes {class_list(before)} then, {class_list(now)} now")
    elif before["counts"] and now["counts"]:
        pairs = enumerate(zip(before["counts"], now["counts"], strict=True))
        others = [(class_name(now, i), *counts) for i, counts in pairs if counts[0] != counts[1]]
        lines += [f"{name}: {then:,} then, {count:,} now" for name, then, count in others[:MAX_NAMES]]
    if list(before["attributes"]) != list(now["attributes"]):
        lines.append(f"attributes {', '.join(before['attributes'])} then, {', '.join(now['attributes'])} now")
    if not lines and before["digest"] != now["digest"]:
        lines.append("as many examples, but with other names or sizes")
    return lines


def check_older(workdir: Path, recipe: Recipe, inventory: Inventory) -> None:
    """Refuses to number the classes of an older run anew; says of its folder what cannot be compared."""
    names = inventory["names"]
    before = sorted(names)
    if recipe.data.name != "folder":
        return
    if before != names and any(classes_of(stage.gan) for stage in recipe.all_stages):
        raise InputError(
            f"{workdir} was begun when classes were numbered as text, {', '.join(before)}; now they are as "
            f"people count, {', '.join(names)}: name the folders so that both are one order, such as "
            f"a_{before[0]} and b_{before[1]}, use another --workdir, or go on with the new numbers: "
            f"echo {{}} > {workdir / FILE}"
        )
    tell(
        f"{workdir} is older than {FILE}, which is written now, of {inventory['examples']:,} images: what it "
        "was trained on is not known; links to folders, gif, tiff and jfif, for one, were not read then"
    )


def check_classes(gan: GAN, source: Source) -> None:
    """Refuses data of more classes than the game's networks are told of: the rest would look like none."""
    for path, classes in classes_of(gan).items():
        if source.classes and classes < source.classes:
            raise InputError(
                f"the data have {source.classes} classes and {path}={classes}: use {path}={source.classes}, "
                f"or data of {classes} classes"
            )


def check_partners(gan: GAN, source: Source) -> None:
    """Refuses images a and b in orders of their own, in a game that learns from pairs."""
    # Told by the streams: what belongs together, example by example, is of one order.
    if getattr(gan, "of_pairs", False) and source.streams.get("a") != source.streams.get("b"):
        raise InputError(
            f"{type(gan).__name__} learns from pairs, and these images a and b are in orders of their own: "
            "use paired=True (--data.paired)"
        )


def check_every_domain(gan: GAN, source: Source) -> None:
    """Refuses a domain that no image has, in a game that translates into it and would learn it of none."""
    domains = sum(count_labels(gan))
    if not domains:
        return
    if source.attributes:
        if absent := [name for name, count in source.attributes.items() if not count]:
            raise InputError(
                f"no image has {', '.join(absent)}: leave it out of attributes (--data.attributes), or give "
                f"images that have it"
            )
    elif source.classes and source.classes < domains:
        raise InputError(
            f"the game translates into {domains} domains, and the data have images of {source.classes} "
            f"classes, {', '.join(source.class_names)}: no image is of the others"
        )


def classes_of(gan: GAN) -> dict[str, int]:
    """How many of the data's classes each part of a game is told of, by path, if it is told of any."""

    def below(module: Any, path: str) -> Iterator[tuple[str, int]]:
        # Whatever its parts are told of, it is not the data's label.
        if not getattr(module, "of_labels", True):
            return
        if getattr(module, "classes", 0):
            yield f"{path}.classes", int(module.classes)
        # A head of a discriminator that says them is told of as many as it has numbers.
        if isinstance(module, Head) and module.output == "classes":
            yield f"{path}.size", module.size
        for name, part in submodules(module).items():
            yield from below(part, f"{path}.{name}")

    return dict(below(gan, "gan"))


def class_name(inventory: Inventory, number: int) -> str:
    """A class by number and name."""
    return f"{number} = {inventory['names'][number]}" if inventory["names"] else f"class {number}"


def class_list(inventory: Inventory) -> str:
    """Which number each class has."""
    if not inventory["names"]:
        return str(inventory["classes"] or 0)
    lines = [class_name(inventory, number) for number in range(inventory["classes"])]
    return ", ".join(lines if len(lines) <= MAX_NAMES else [*lines[: MAX_NAMES - 1], "...", lines[-1]])


def class_summary(recipe: Recipe, inventory: Inventory) -> str:
    """The classes in a line, or the attributes; empty without, or where classes are called their numbers."""
    if attributes := list(inventory["attributes"]):
        # Attributes go before classes, as in a game that takes either.
        return f"attributes  {class_list({'names': attributes, 'classes': len(attributes)})}"
    names = inventory["names"]
    if not names or (recipe.data.name != "folder" and names == [str(i) for i in range(len(names))]):
        return ""
    room = max((n for stage in recipe.all_stages for n in classes_of(stage.gan).values()), default=0)
    more = f" (the game is told of {room} classes)" if room > len(names) else ""
    return f"classes  {class_list(inventory)}{more}"
