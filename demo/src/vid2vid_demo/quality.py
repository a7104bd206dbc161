"""How good a result is, measured the way the product sees it: landmarks, durations, audio packets."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vid2vid_core.errors import ConfigurationError, UnsupportedMedia
from vid2vid_core.landmarks import LandmarkSource
from vid2vid_core.landmarks_client import Landmarks
from vid2vid_core.mask import MaskSpec
from vid2vid_core.media import FrameReader, probe

_FFPROBE_TIMEOUT_S = 120
_RIGHT_EYE_OUTER, _LEFT_EYE_OUTER, _UPPER_INNER_LIP, _LOWER_INNER_LIP = 36, 45, 62, 66


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceTrack:
    """The face of a clip, frame by frame."""

    points: NDArray[np.float32]
    """[frames, 68, 2], crop coordinates."""
    detected: NDArray[np.bool_]
    """[frames]: whether the face was found in that very frame."""

    @property
    def detection_rate(self) -> float:
        """Share of the frames in which the face was found."""
        return float(self.detected.mean())

    @property
    def mouth_opening(self) -> NDArray[np.float32]:
        """[frames]: distance of the inner lips in inter-ocular distances, so that size and crop don't matter."""
        lips = self.points[:, _UPPER_INNER_LIP] - self.points[:, _LOWER_INNER_LIP]
        eyes = self.points[:, _RIGHT_EYE_OUTER] - self.points[:, _LEFT_EYE_OUTER]
        opening = np.linalg.norm(lips, axis=1) / np.maximum(np.linalg.norm(eyes, axis=1), 1e-6)
        return np.asarray(opening, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What a result must share with its content."""

    frame_count: int
    """Frames that can be decoded."""
    duration_s: float
    """From the first frame's start to the last one's end."""
    frame_s: float
    """Mean length of a frame."""
    audio_packets: tuple[str, ...]
    """Hash of every audio packet; empty without audio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Result against content."""

    content_frames: int
    result_frames: int
    content_duration_s: float
    result_duration_s: float
    durations_equal: bool
    """Within half a frame."""
    audio: str
    """``identical`` packet by packet, ``different``, or ``none``."""
    content_detection_rate: float
    """Share of the content frames in which the landmark service found the face."""
    detection_rate: float
    """Share of the result frames in which the landmark service found the face."""
    mouth_correlation: float | None
    """Pearson's r of the mouth openings, over the frames with a face in both; None where a mouth never moves."""


def track_face(landmarks: Landmarks, clip: Path) -> FaceTrack:
    """Follow the face of a whole clip.

    Raises:
        Vid2VidError: What the landmark service answered, NoFaceDetected among it.
    """
    with landmarks.track(clip, mask_spec=MaskSpec(), omit_masks=True) as tracking:
        frames = [frame.landmarks for frame in tracking]
    return FaceTrack(
        points=np.stack([frame.points for frame in frames]),
        detected=np.array([frame.source is LandmarkSource.DETECTED for frame in frames]),
    )


def read_timing(clip: Path) -> Timing:
    """Decode a clip's frames for their times and hash its audio packets.

    Raises:
        Vid2VidError: The clip can't be decoded.
    """
    info = probe(clip, name=clip.name)
    count, start, end = 0, 0, 0
    with FrameReader(clip, info, size=16, gray=True) as reader:
        for frame in reader:
            start = frame.pts if count == 0 else start
            end = frame.pts + frame.duration
            count += 1
    duration = float(Fraction(end - start) * info.time_base)
    return Timing(
        frame_count=count,
        duration_s=duration,
        frame_s=duration / max(count, 1),
        audio_packets=hash_audio_packets(clip),
    )


def hash_audio_packets(clip: Path) -> tuple[str, ...]:
    """Hash of each packet of the first audio stream, in order; equal hashes mean equal sound, bit by bit."""
    command = ["ffprobe", "-v", "error", "-protocol_whitelist", "file,pipe", "-select_streams", "a:0"]
    command += ["-show_packets", "-show_data_hash", "sha256", "-show_entries", "packet=data_hash", "-of", "json"]
    try:
        answer = subprocess.run(
            [*command, f"file:{clip}"],
            capture_output=True,
            check=True,
            timeout=_FFPROBE_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise ConfigurationError("ffprobe is not installed; it comes with the package ffmpeg") from None
    except subprocess.SubprocessError:
        raise UnsupportedMedia(f"{clip.name}: its audio packets can't be read") from None
    return tuple(packet["data_hash"] for packet in json.loads(answer.stdout)["packets"])


def correlate(a: NDArray[np.float32], b: NDArray[np.float32]) -> float | None:
    """Pearson's r, None where one of both does not vary."""
    if len(a) < 3 or a.std() < 1e-6 or b.std() < 1e-6:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def compare(*, content: FaceTrack, result: FaceTrack, content_timing: Timing, result_timing: Timing) -> Quality:
    """Hold a result against its content, frame by frame by position."""
    pairs = min(len(content.detected), len(result.detected))
    both = content.detected[:pairs] & result.detected[:pairs]
    difference_s = abs(content_timing.duration_s - result_timing.duration_s)
    return Quality(
        content_frames=content_timing.frame_count,
        result_frames=result_timing.frame_count,
        content_duration_s=content_timing.duration_s,
        result_duration_s=result_timing.duration_s,
        durations_equal=difference_s <= content_timing.frame_s / 2,
        audio=_compare_audio(content_timing.audio_packets, result_timing.audio_packets),
        content_detection_rate=content.detection_rate,
        detection_rate=result.detection_rate,
        mouth_correlation=correlate(content.mouth_opening[:pairs][both], result.mouth_opening[:pairs][both]),
    )


def _compare_audio(content: tuple[str, ...], result: tuple[str, ...]) -> str:
    if not content and not result:
        return "none"
    return "identical" if content == result else "different"
