"""The Python client of the renderer.

::

    from pathlib import Path
    from vid2vid_client import Renderer

    with Renderer("127.0.0.1:50052") as renderer:
        result = renderer.render(Path("content.mp4"), Path("fake.mp4"), model="anna")
        print(result.frame_count, result.sha256)

Every error is a :class:`vid2vid_core.errors.Vid2VidError`; its ``reason()`` is for programs, its message for people.
"""

from vid2vid_client.models import Model, ModelVersion
from vid2vid_client.renderer import Renderer
from vid2vid_client.results import Layout, RenderProgress, RenderResult
from vid2vid_core.crop import CropMode

__all__ = ["CropMode", "Layout", "Model", "ModelVersion", "RenderProgress", "RenderResult", "Renderer"]
