"""`python -m sebilling.cli`: the same as the command `sebilling`."""

from sebilling.cli import main

main()
