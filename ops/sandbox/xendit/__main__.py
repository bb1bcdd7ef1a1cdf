"""`python -m ops.sandbox.xendit`."""

import sys

from ops.sandbox.stage.command import main
from ops.sandbox.xendit.provider import Xendit

if __name__ == "__main__":
    sys.exit(main(Xendit))
