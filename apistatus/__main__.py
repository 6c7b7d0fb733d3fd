"""``python -m apistatus`` and the ``apistatus`` script: one and the same program."""

from apistatus.cli import main

if __name__ == "__main__":
    main()
