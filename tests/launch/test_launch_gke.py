"""gke.sh, its JobSet manifest and its image, without a cluster."""

import json
import math
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jobsets import JOBSET, find_faults
from launching import LAUNCH, REPOSITORY, executable, run

from gaxjax.errors import EXIT_PEER_LOST

TERMINATED = 128 + signal.SIGTERM


@pytest.fixture
def gke(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """gke.sh with a kubectl and a docker that write down what they are asked, and what they read."""
    note = (
        f'echo "${{0##*/}} $*" >>{shlex.quote(str(tmp_path))}/asked; cat >>{shlex.quote(str(tmp_path))}/read'
    )
    for tool in ("kubectl", "docker"):
        executable(tmp_path / "bin" / tool, note)
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    return lambda *words: run("bash", LAUNCH / "gke.sh", *words, PATH=path)


RUN = ("run", "--name", "mine", "--image", "IMAGE")
TRAIN = ("--", "gaxjax", "train", "a.py", "--workdir", "/shared/a")


def read_manifest(gke: Callable, *flags: str, command: tuple[str, ...] = TRAIN) -> dict[str, Any]:
    result = gke(*RUN, "--dry-run", *flags, *command)
    assert result.returncode == 0, result.stderr
    begin, *lines, end = result.stdout.splitlines()
    assert (begin, end) == ("kubectl apply --filename=- <<'MANIFEST'", "MANIFEST")
    manifest: dict[str, Any] = yaml.safe_load("\n".join(lines))
    return manifest


def test_manifest_is_a_jobset(gke: Callable) -> None:
    shared = read_manifest(gke, "--type", "v6e:4x4", "--slices", "2", "--claim", "disk", "--spot")
    bucket = (*TRAIN[:-1], "gs://bucket/a")
    small = read_manifest(gke, "--type", "v5e:1x1", command=bucket)
    assert find_faults(shared, JOBSET) == [] and find_faults(small, JOBSET) == []
    # The schema does find what is wrong.
    shared["spec"]["replicatedJobs"][0]["template"]["spec"].pop("template")
    shared["spec"]["failurePolicy"] |= {"maxRestarts": "5", "retries": 1}
    shared["spec"]["failurePolicy"]["rules"][0]["action"] = "Restart"
    where = [re.split(r":| is", fault)[0] for fault in find_faults(shared, JOBSET)]
    policy = ".spec.failurePolicy"
    assert sorted(where) == [
        f"{policy}.maxRestarts",
        f"{policy}.retries",
        f"{policy}.rules[0].action",
        ".spec.replicatedJobs[0].template.spec.template",
    ]


@pytest.mark.parametrize(
    ("type", "accelerator", "hosts", "chips"),
    [
        ("v4:2x2x2", "tpu-v4-podslice", 2, 4),
        ("v5e:4x8", "tpu-v5-lite-podslice", 8, 4),
        ("v5p:2x2x1", "tpu-v5p-slice", 1, 4),
        ("v6e:1x1", "tpu-v6e-slice", 1, 1),
        ("tpu7x:2x2x4", "tpu7x", 4, 4),
    ],
)
def test_type_says_hosts_and_chips(
    gke: Callable, type: str, accelerator: str, hosts: int, chips: int
) -> None:
    jobset = read_manifest(gke, "--type", type, "--claim", "disk")
    (slices,) = jobset["spec"]["replicatedJobs"]
    job = slices["template"]["spec"]
    pod = job["template"]["spec"]
    topology = type.partition(":")[2]
    assert pod["nodeSelector"] == {
        "cloud.google.com/gke-tpu-accelerator": accelerator,
        "cloud.google.com/gke-tpu-topology": topology,
    }
    assert (slices["replicas"], job["parallelism"], job["completions"]) == (1, hosts, hosts)
    assert pod["containers"][0]["resources"]["limits"] == {"google.com/tpu": chips}
    assert hosts * chips == math.prod(map(int, topology.split("x")))


def test_flags_are_in_the_manifest(gke: Callable) -> None:
    words = ["gaxjax", "train", "a.py", "--workdir", "/shared/a", "--note", 'a "b"\n\\ & $NAME', ""]
    flags = ("--type", "v6e:4x4", "--slices", "3", "--claim", "disk", "--spot", "--restarts", "9")
    jobset = read_manifest(gke, *flags, command=("--", *words))
    assert jobset["metadata"]["name"] == "mine"
    assert jobset["spec"]["failurePolicy"]["maxRestarts"] == 9
    (slices,) = jobset["spec"]["replicatedJobs"]
    pod = slices["template"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert slices["replicas"] == 3
    assert pod["nodeSelector"]["cloud.google.com/gke-spot"] == "true"
    assert (container["image"], container["command"]) == ("IMAGE", words)
    assert container["env"] == [{"name": "GAXJAX_COORDINATOR", "value": "auto"}]
    (mount,), (volume,) = container["volumeMounts"], pod["volumes"]
    assert mount == {"name": volume["name"], "mountPath": "/shared"}
    assert volume["persistentVolumeClaim"] == {"claimName": "disk"}


def test_the_status_decides_on_the_restart(gke: Callable) -> None:
    """As Kubernetes and JobSet read the policy: by how a pod ended, and by what the job says of it."""
    jobset = read_manifest(gke, "--type", "v6e:4x4", "--claim", "disk")
    job = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]
    pod = job["template"]["spec"]
    disrupted, ended = job["podFailurePolicy"]["rules"]
    # What Kubernetes demands for such a policy, and without which the first failure would not end the job.
    assert (pod["restartPolicy"], job["backoffLimit"]) == ("Never", 0)
    assert disrupted["action"] == ended["action"] == "FailJob"
    assert disrupted["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    codes = ended["onExitCodes"]
    assert (codes["operator"], codes["containerName"]) == ("In", pod["containers"][0]["name"])

    def restart(message: str) -> str:
        """Action on a job that failed by the policy, with Kubernetes' message."""
        return next(
            str(rule["action"])
            for rule in jobset["spec"]["failurePolicy"]["rules"]
            if "PodFailurePolicy" in rule["onJobFailureReasons"]
            and any(re.search(x, message) for x in rule.get("onJobFailureMessagePatterns", [""]))
        )

    message = (
        "Container gaxjax for pod default/mine-slice-0-1-x2d9f failed with exit code {} matching FailJob "
    )
    actions = {code: restart(f"{message.format(code)}rule at index 1") for code in codes["values"]}
    always = "RestartJobSetAndIgnoreMaxRestarts"
    assert actions == {1: "FailJobSet", 2: "FailJobSet", TERMINATED: always}
    gone = "Pod default/mine-slice-0-1-x2d9f has condition DisruptionTarget matching FailJob rule at index 0"
    assert restart(gone) == always
    # A lost process has a reason elsewhere; in doubt it counts.
    assert EXIT_PEER_LOST not in codes["values"] and jobset["spec"]["failurePolicy"]["maxRestarts"] == 5


def test_run_applies_the_manifest(gke: Callable, tmp_path: Path) -> None:
    flags = ("--type", "v6e:4x4", "--claim", "disk")
    assert gke(*RUN, *flags, *TRAIN).returncode == 0
    assert (tmp_path / "asked").read_text() == "kubectl apply --filename=-\n"
    assert yaml.safe_load((tmp_path / "read").read_text()) == read_manifest(gke, *flags)


ARCHIVE = shlex.quote(str(REPOSITORY / "gaxjax.tar.gz"))
OUTPUT = shlex.quote(f"--output={REPOSITORY / 'gaxjax.tar.gz'}")
BUILD = "docker build --platform=linux/amd64 --file=launch/Dockerfile --tag=IMAGE"
PODS = "--selector=jobset.sigs.k8s.io/jobset-name=mine"
DRY_RUNS = {
    "build --image IMAGE --base BASE --extra cuda": f"""\
git -C {shlex.quote(str(REPOSITORY))} archive --format=tar.gz {OUTPUT} HEAD
{BUILD} --build-arg=BASE=BASE --build-arg=EXTRA=cuda - <{ARCHIVE}
rm -- {ARCHIVE}
docker push IMAGE
""",
    "status --name mine": f"""\
kubectl get jobset mine
kubectl get pods {PODS} --output=wide
kubectl logs {PODS} --prefix --tail=20 --max-log-requests=1000
""",
    "delete --name mine": "kubectl delete jobset mine\n",
}


@pytest.mark.parametrize("arguments", DRY_RUNS)
def test_dry_run_prints_the_commands_and_runs_none(gke: Callable, tmp_path: Path, arguments: str) -> None:
    result = gke(*arguments.split(), "--dry-run")
    assert (result.returncode, result.stdout) == (0, DRY_RUNS[arguments])
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "no verb; expected build, run, status or delete"),
        ("status", "status: which run? give --name"),
        ("build", "build: which image? give --image, with the place that the cluster pulls from"),
        (
            "run --name m --image I --type v6e-16 -- gaxjax train a --workdir gs://b",
            "run: --type v6e-16 is v4, v5e, v5p, v6e or tpu7x with a topology, such as v6e:4x4",
        ),
        (
            "run --name m --image I --type v6e:16 -- gaxjax train a --workdir gs://b",
            "run: --type v6e:16 has no topology such as 4x4 or 2x2x4 after the colon",
        ),
        (
            "run --name m --image I --type v6e:2x2 --slices 2 -- gaxjax train a --workdir gs://b",
            "run: v6e:2x2 is a slice of one host, and multislice needs slices of several",
        ),
        (
            "run --name Mine_ --image I -- gaxjax train a",
            "run: --name Mine_ is at most 40 small letters, digits and hyphens, a letter first",
        ),
        (
            "run --name m -- gaxjax train a",
            "run: which image? make one with launch/gke.sh build and give --image",
        ),
        (
            "run --name m --image I -- gaxjax train a --workdir /shared/a",
            "run: /shared is what --claim mounts: name a PersistentVolumeClaim",
        ),
        (
            "run --name m --image I -- gaxjax train a",
            "run: --workdir is missing: it is /shared/DIR with --claim, or a bucket's gs:// path",
        ),
    ],
)
def test_gke_refuses(gke: Callable, tmp_path: Path, arguments: str, message: str) -> None:
    result = gke(*arguments.split())
    assert result.returncode == 2
    assert result.stderr.splitlines()[0] == f"error: {message}"
    assert not (tmp_path / "asked").exists()


def test_image_installs_what_is_pinned() -> None:
    lines = (LAUNCH / "Dockerfile").read_text().splitlines()
    steps = [line.partition(" ")[::2] for line in lines if line and not line.startswith("#")]
    assert [name for name, _ in steps] == [
        "ARG",
        "FROM",
        "ARG",
        "WORKDIR",
        "COPY",
        "RUN",
        "COPY",
        "RUN",
        "CMD",
    ]
    assert steps[0][1] == "BASE=python:3.12-slim" and steps[1][1] == "${BASE}"
    copied = steps[4][1].split()[0]
    assert (REPOSITORY / copied).is_file() and f"--requirement {copied}" in steps[5][1]
    assert f"--constraint {copied}" in steps[7][1] and '".[${EXTRA},gs]"' in steps[7][1]
    assert json.loads(steps[8][1]) == ["gaxjax", "--help"]
