"""Where a run's numbers and pictures go besides its own directory, as plain data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Log:
    """Trackers of experiments; none of them changes a number of the run."""

    wandb: str = ""
    """project of Weights & Biases, an extra (pip install 'gaxjax[wandb]'); without an API key, or with
    WANDB_MODE=offline, what it logs stays in the run's directory, for `wandb sync`"""
