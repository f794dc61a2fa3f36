"""`python -m shapescope` is `shapescope`."""

from shapescope.cli.app import main

if __name__ == "__main__":
    main()
