#!/usr/bin/env bash
# Trains the first GAN, from a machine that has no more than Python 3.11 or newer:
#
#     bash launch/quickstart.sh [--any.field value]
#
# Stopped, it goes on where it was when it is run again. Samples, curves and checkpoints: runs/quickstart.
set -euo pipefail

# shellcheck source=launch/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

prepare_environment requirements.txt
cd "$repository"
exec "$environment/bin/gaxjax" train configs/quickstart.py --workdir runs/quickstart "$@"
