"""``python -m openesc.cli`` is `openesc`."""

from openesc.cli.main import main

main()
