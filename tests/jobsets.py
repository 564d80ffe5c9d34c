"""What a JobSet may hold, as plain facts, and where a manifest holds something else."""

from typing import Any

# What JobSet's own definition (v1alpha2, release 0.12) and Kubernetes' say of the fields that are used here:
# type, fields that there may be, with ! those that there must be; {...: type} is a map, (...) a choice.
POD = {
    "containers!": [
        {
            "name!": str,
            "image": str,
            "command": [str],
            "env": [{"name!": str, "value": str}],
            "resources": {"limits": {...: (int, str)}, "requests": {...: (int, str)}},
            "volumeMounts": [{"name!": str, "mountPath!": str, "readOnly": bool}],
        }
    ],
    "restartPolicy": ("Always", "OnFailure", "Never"),
    "terminationGracePeriodSeconds": int,
    "hostNetwork": bool,
    "dnsPolicy": ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"),
    "nodeSelector": {...: str},
    "volumes": [{"name!": str, "persistentVolumeClaim": {"claimName!": str, "readOnly": bool}}],
}
POD_FAILURE = {
    "action!": ("FailJob", "FailIndex", "Ignore", "Count"),
    "onPodConditions": [{"type!": str, "status": ("True", "False", "Unknown")}],
    "onExitCodes": {"operator!": ("In", "NotIn"), "values!": [int], "containerName": str},
}
JOB = {
    "parallelism": int,
    "completions": int,
    "completionMode": ("Indexed", "NonIndexed"),
    "backoffLimit": int,
    "podFailurePolicy": {"rules!": [POD_FAILURE]},
    "template!": {"metadata": {"labels": {...: str}, "annotations": {...: str}}, "spec": POD},
}
RESTARTS = (
    "RestartJobSet",
    "RestartJobSetAndIgnoreMaxRestarts",
    "RestartJob",
    "RestartJobAndIgnoreMaxRestarts",
)
REASONS = (
    "BackoffLimitExceeded",
    "DeadlineExceeded",
    "FailedIndexes",
    "MaxFailedIndexesExceeded",
    "PodFailurePolicy",
)
JOBSET = {
    "apiVersion!": ("jobset.x-k8s.io/v1alpha2",),
    "kind!": ("JobSet",),
    "metadata!": {"name!": str, "labels": {...: str}, "annotations": {...: str}},
    "spec!": {
        "replicatedJobs": [{"name!": str, "replicas": int, "template!": {"spec": JOB}}],
        "failurePolicy": {
            "maxRestarts": int,
            "restartStrategy": ("Recreate", "BlockingRecreate", "InPlaceRestart"),
            "rules": [
                {
                    "name!": str,
                    "action!": ("FailJobSet", *RESTARTS),
                    "targetReplicatedJobs": [str],
                    "onJobFailureReasons": [REASONS],
                    "onJobFailureMessagePatterns": [str],
                }
            ],
        },
        "ttlSecondsAfterFinished": int,
    },
}


def find_faults(value: Any, schema: Any, path: str = "") -> list[str]:
    """Where a value is not what a schema of the form above says."""
    if isinstance(schema, tuple):
        fits = any(
            value == choice or (isinstance(choice, type) and type(value) is choice) for choice in schema
        )
        return [] if fits else [f"{path}: {value!r} is none of {schema}"]
    if isinstance(schema, type):
        return [] if type(value) is schema else [f"{path}: {value!r} is no {schema.__name__}"]
    if type(value) is not type(schema):
        return [f"{path}: {value!r} is no {type(schema).__name__}"]
    if isinstance(schema, list):
        return [fault for i, x in enumerate(value) for fault in find_faults(x, schema[0], f"{path}[{i}]")]
    if ... in schema:
        return [fault for name, x in value.items() for fault in find_faults(x, schema[...], f"{path}.{name}")]
    fields = {name.rstrip("!"): inner for name, inner in schema.items()}
    missing = [name for name in fields if f"{name}!" in schema and name not in value]
    faults = [f"{path}.{name} is missing" for name in missing]
    faults += [f"{path}.{name} is unknown" for name in value if name not in fields]
    known = [name for name in value if name in fields]
    return faults + [
        fault for name in known for fault in find_faults(value[name], fields[name], f"{path}.{name}")
    ]
