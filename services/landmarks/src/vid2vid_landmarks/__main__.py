"""The command ``vid2vid-landmarks``: serves until SIGTERM, then drains."""

from __future__ import annotations

import sys

from vid2vid_core.errors import Vid2VidError
from vid2vid_core.logging import configure_logging
from vid2vid_core.usage import check_arguments
from vid2vid_landmarks.server import make_server, running_pool
from vid2vid_landmarks.servicer import SERVICE_NAME
from vid2vid_landmarks.settings import LandmarksSettings

_JOB = "Serves landmarks and masks of a clip's face over gRPC, until SIGTERM. Everything is set in the environment."


def main() -> None:
    """Run the service. Exit status 1 and one line on standard error where it can't start."""
    check_arguments("vid2vid-landmarks", _JOB, LandmarksSettings)
    try:
        settings = LandmarksSettings.from_environment()
        configure_logging("landmarks", level=settings.log_level, log_format=settings.log_format)
        serve(settings)
    except Vid2VidError as error:
        sys.exit(f"vid2vid-landmarks: {error.message}")


def serve(settings: LandmarksSettings) -> None:
    """Start the workers, then the server, and block until a signal.

    Raises:
        ConfigurationError: The predictor is missing or the address is taken.
    """
    with running_pool(settings) as pool:
        server = make_server(settings, pool)
        server.start()
        server.set_ready(SERVICE_NAME, ready=True)
        server.serve_until_signal()


if __name__ == "__main__":
    main()
