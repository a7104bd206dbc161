"""Video in and out: probe, decode with exact presentation times, encode and mux; FFmpeg does the work in processes."""

from vid2vid_core.media.audio import AudioHandling, AudioInfo
from vid2vid_core.media.limits import MediaLimits
from vid2vid_core.media.probe import VideoInfo, probe
from vid2vid_core.media.reader import FrameReader
from vid2vid_core.media.writer import VideoWriter

__all__ = ["AudioHandling", "AudioInfo", "FrameReader", "MediaLimits", "VideoInfo", "VideoWriter", "probe"]
