"""What pyproject.toml cannot say: the folder configs, beside the package here, is in it once installed."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["gaxjax", "gaxjax.*"]), "gaxjax.configs"],
    package_dir={"gaxjax.configs": "configs"},
)
