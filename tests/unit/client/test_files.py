from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from vid2vid_client.files import ResultFile, check_content
from vid2vid_core.errors import EmptyMedia, InternalError, OutputNotWritable, UnsupportedMedia

CONTENT = b"rendered video"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_content_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMedia, match=r"c\.mp4 does not exist"):
        check_content(tmp_path / "c.mp4")


def test_content_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMedia, match="is not a file"):
        check_content(tmp_path)


def test_empty_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.mp4").touch()
    with pytest.raises(EmptyMedia, match="0 bytes"):
        check_content(tmp_path / "c.mp4")


def test_content_s_size_is_known(tmp_path: Path) -> None:
    (tmp_path / "c.mp4").write_bytes(CONTENT)
    assert check_content(tmp_path / "c.mp4") == len(CONTENT)


def test_result_takes_its_name_only_when_committed(tmp_path: Path) -> None:
    output = tmp_path / "fake.mp4"
    with ResultFile(output) as result:
        result.write(CONTENT[:5])
        result.write(CONTENT[5:])
        assert not output.exists()
        result.commit(size_bytes=len(CONTENT), sha256=SHA256)
    assert output.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize(
    ("size_bytes", "sha256"), [(len(CONTENT), "0" * 64), (len(CONTENT) + 1, SHA256)], ids=["other hash", "other size"]
)
def test_damaged_result_leaves_no_file(tmp_path: Path, size_bytes: int, sha256: str) -> None:
    with pytest.raises(InternalError, match="arrived damaged"), ResultFile(tmp_path / "fake.mp4") as result:
        result.write(CONTENT)
        result.commit(size_bytes=size_bytes, sha256=sha256)
    assert list(tmp_path.iterdir()) == []


def test_interrupted_result_leaves_an_older_file_alone(tmp_path: Path) -> None:
    output = tmp_path / "fake.mp4"
    output.write_bytes(b"older")
    with pytest.raises(KeyboardInterrupt), ResultFile(output) as result:
        result.write(CONTENT)
        raise KeyboardInterrupt
    assert output.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [output]


def test_output_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputNotWritable, match=r"output folder .*nowhere does not exist"):
        ResultFile(tmp_path / "nowhere" / "fake.mp4")


def test_output_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputNotWritable, match=r"output folder .*file does not exist"):
        ResultFile(tmp_path / "file" / "fake.mp4")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_output_that_is_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputNotWritable, match="is a folder"):
        ResultFile(Path(name))


def test_output_with_a_name_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputNotWritable, match="can't be written"):
        ResultFile(tmp_path / ("x" * 300))
