"""`python -m vid2vid_trainer` and `vid2vid-trainer`."""

from vid2vid_trainer.cli import main

if __name__ == "__main__":
    main()
