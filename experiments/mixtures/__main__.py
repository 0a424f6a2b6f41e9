"""Run the experiment."""

import sys

from experiments.mixtures import main

sys.exit(main())
