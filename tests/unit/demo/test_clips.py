"""The clips as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.videos import audio_packets, stream_of
from vid2vid_core.errors import InvalidSettings, OutputNotWritable
from vid2vid_core.media import FrameReader, probe
from vid2vid_demo import clips
from vid2vid_demo.clips import RATE, content_plan, make_clip, style_plan


def test_clip_has_every_frame_and_as_much_sound(tmp_path: Path) -> None:
    reported: list[tuple[int, int]] = []
    path = tmp_path / "content.mp4"
    make_clip(path, content_plan(seconds=1.2, size=128), lambda done, total: reported.append((done, total)))
    info = probe(path)
    assert (info.width, info.height, info.average_rate) == (128, 128, RATE)
    with FrameReader(path, info) as reader:
        frames = [frame.rgb for frame in reader]
    assert len(frames) == 30
    assert reported[-1] == (30, 30)
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 1, "the picture moves"
    assert info.audio is not None
    assert info.audio.codec == "aac"
    assert float(stream_of(path, "a")["duration"]) == pytest.approx(1.2, abs=0.05)


def test_clips_are_the_same_every_time(tmp_path: Path) -> None:
    paths = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for path in paths:
        make_clip(path, style_plan(seconds=1.0, size=96))
    assert audio_packets(paths[0]) == audio_packets(paths[1])
    first, second = ([frame.rgb for frame in FrameReader(path, probe(path))] for path in paths)
    assert np.array_equal(first, second)


def test_style_covers_what_the_content_does() -> None:
    style, content = style_plan().moments(), content_plan().moments()
    for name in ("opening", "width"):
        widest = [max(getattr(moment.expression, name) for moment in moments) for moments in (style, content)]
        assert widest[0] >= widest[1] * 0.95
    for name in ("yaw", "pitch", "roll"):
        furthest = [max(abs(getattr(moment.pose, name)) for moment in moments) for moments in (style, content)]
        assert furthest[0] >= furthest[1] * 0.9


@pytest.mark.parametrize(("seconds", "size"), [(2.0, 95), (2.0, 64), (0.5, 320), (601.0, 320)])
def test_plan_outside_its_range_fails(seconds: float, size: int) -> None:
    with pytest.raises(InvalidSettings, match="allowed are"):
        style_plan(seconds=seconds, size=size)


def test_unwritable_place_fails_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputNotWritable):
        make_clip(tmp_path / "missing" / "style.mp4", style_plan(seconds=1.0, size=96))
    assert not list(tmp_path.iterdir())


def test_command_writes_both_clips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "clips"
    clips.run(out, style_seconds=1.0, content_seconds=1.0, size=96)
    assert sorted(path.name for path in out.iterdir()) == ["content.mp4", "style.mp4"]
    assert capsys.readouterr().out.split() == [str(out / "style.mp4"), str(out / "content.mp4")]


def test_command_refuses_a_file_as_folder_in_one_line(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    with pytest.raises(SystemExit, match=r"^clips: error: .*can't be written: [^\n]*$"):
        clips.run(occupied, style_seconds=1.0, content_seconds=1.0, size=96)
