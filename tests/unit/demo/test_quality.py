"""A result, measured against its content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.videos import audio_packets, end_of_video, make_clip, make_text_file, make_vfr_clip
from vid2vid_core.errors import UnsupportedMedia
from vid2vid_demo.quality import FaceTrack, Timing, compare, correlate, hash_audio_packets, read_timing


def track(openings: list[float], *, scale: float = 1.0, missing: tuple[int, ...] = ()) -> FaceTrack:
    """Faces that differ in the mouth alone; the eyes' outer corners are 0.4 * scale apart."""
    points = np.zeros((len(openings), 68, 2), np.float32)
    points[:, 36], points[:, 45] = (0.3, 0.4), (0.3 + 0.4 * scale, 0.4)
    points[:, 62] = (0.5, 0.7)
    points[:, 66, 0] = 0.5
    points[:, 66, 1] = 0.7 + np.array(openings) * 0.4 * scale
    return FaceTrack(points=points, detected=np.array([index not in missing for index in range(len(openings))]))


def timing(*, frames: int = 100, seconds: float = 4.0, packets: tuple[str, ...] = ("a", "b")) -> Timing:
    return Timing(frame_count=frames, duration_s=seconds, frame_s=seconds / frames, audio_packets=packets)


OPENINGS = [0.0, 0.1, 0.3, 0.2, 0.05]


def test_mouth_opening_does_not_depend_on_the_size_of_the_face() -> None:
    assert np.allclose(track(OPENINGS, scale=0.5).mouth_opening, OPENINGS, atol=1e-5)


def test_result_that_repeats_the_content_is_perfect() -> None:
    both = {"content_timing": timing(), "result_timing": timing()}
    quality = compare(content=track(OPENINGS), result=track(OPENINGS, scale=0.7), **both)
    assert quality.mouth_correlation == pytest.approx(1.0)
    assert quality.detection_rate == 1.0
    assert quality.audio == "identical"
    assert quality.durations_equal


def test_frames_without_a_face_count_against_detection_and_not_for_the_mouth() -> None:
    wrong = [*OPENINGS[:4], 5.0]
    both = {"content_timing": timing(), "result_timing": timing()}
    quality = compare(content=track(OPENINGS), result=track(wrong, missing=(4,)), **both)
    assert quality.detection_rate == pytest.approx(0.8)
    assert quality.mouth_correlation == pytest.approx(1.0)


@pytest.mark.parametrize(("seconds", "equal"), [(4.019, True), (4.021, False), (3.9, False)])
def test_durations_may_differ_by_half_a_frame(seconds: float, equal: bool) -> None:
    times = {"content_timing": timing(seconds=4.0), "result_timing": timing(seconds=seconds)}
    assert compare(content=track(OPENINGS), result=track(OPENINGS), **times).durations_equal is equal


@pytest.mark.parametrize(
    ("content", "result", "expected"),
    [(("a",), ("a",), "identical"), (("a", "b"), ("a",), "different"), ((), (), "none"), (("a",), (), "different")],
)
def test_audio_is_compared_packet_by_packet(content: tuple[str, ...], result: tuple[str, ...], expected: str) -> None:
    times = {"content_timing": timing(packets=content), "result_timing": timing(packets=result)}
    assert compare(content=track(OPENINGS), result=track(OPENINGS), **times).audio == expected


def test_mouth_that_never_moves_correlates_with_nothing() -> None:
    assert correlate(np.zeros(5, np.float32), np.array(OPENINGS, np.float32)) is None


def test_timing_of_a_variable_rate_clip_ends_with_its_last_frame(tmp_path: Path) -> None:
    clip = make_vfr_clip(tmp_path / "vfr.mp4", frames=20)
    measured = read_timing(clip)
    assert measured.frame_count == 20
    assert measured.duration_s == pytest.approx(float(end_of_video(clip)), abs=1e-6)
    assert measured.frame_s == pytest.approx(measured.duration_s / 20)


def test_silent_clip_has_no_audio_packets(tmp_path: Path) -> None:
    assert read_timing(make_clip(tmp_path / "silent.mp4", audio=False)).audio_packets == ()


def test_every_audio_packet_is_hashed(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    hashes = hash_audio_packets(clip)
    assert len(hashes) == len(audio_packets(clip))
    assert len(set(hashes)) > 1


def test_hashing_what_is_no_media_fails(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMedia, match=r"notes\.mp4: its audio packets can't be read"):
        hash_audio_packets(make_text_file(tmp_path / "notes.mp4"))
