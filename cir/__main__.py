"""`python -m cir`, the same as the command `cir`."""

from cir.cli.main import main

if __name__ == "__main__":
    main()
