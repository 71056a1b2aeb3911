"""`python -m splitwire`: the command line, for where no script is installed."""

from splitwire.cli import main

main()
