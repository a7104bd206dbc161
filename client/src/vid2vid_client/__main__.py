"""``python -m vid2vid_client`` is the ``vid2vid`` command."""

from vid2vid_client.cli import main

if __name__ == "__main__":
    main()
