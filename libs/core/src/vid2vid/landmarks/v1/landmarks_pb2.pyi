from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CropMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CROP_MODE_UNSPECIFIED: _ClassVar[CropMode]
    CROP_MODE_PORTRAIT: _ClassVar[CropMode]
    CROP_MODE_NONE: _ClassVar[CropMode]

class LandmarkSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LANDMARK_SOURCE_UNSPECIFIED: _ClassVar[LandmarkSource]
    LANDMARK_SOURCE_DETECTED: _ClassVar[LandmarkSource]
    LANDMARK_SOURCE_INTERPOLATED: _ClassVar[LandmarkSource]
    LANDMARK_SOURCE_HELD: _ClassVar[LandmarkSource]
CROP_MODE_UNSPECIFIED: CropMode
CROP_MODE_PORTRAIT: CropMode
CROP_MODE_NONE: CropMode
LANDMARK_SOURCE_UNSPECIFIED: LandmarkSource
LANDMARK_SOURCE_DETECTED: LandmarkSource
LANDMARK_SOURCE_INTERPOLATED: LandmarkSource
LANDMARK_SOURCE_HELD: LandmarkSource

class TrackVideoRequest(_message.Message):
    __slots__ = ("settings", "chunk")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    settings: TrackVideoSettings
    chunk: bytes
    def __init__(self, settings: _Optional[_Union[TrackVideoSettings, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class TrackVideoSettings(_message.Message):
    __slots__ = ("mask_spec", "crop_mode", "retarget_to", "omit_masks")
    MASK_SPEC_FIELD_NUMBER: _ClassVar[int]
    CROP_MODE_FIELD_NUMBER: _ClassVar[int]
    RETARGET_TO_FIELD_NUMBER: _ClassVar[int]
    OMIT_MASKS_FIELD_NUMBER: _ClassVar[int]
    mask_spec: MaskSpec
    crop_mode: CropMode
    retarget_to: FaceGeometry
    omit_masks: bool
    def __init__(self, mask_spec: _Optional[_Union[MaskSpec, _Mapping]] = ..., crop_mode: _Optional[_Union[CropMode, str]] = ..., retarget_to: _Optional[_Union[FaceGeometry, _Mapping]] = ..., omit_masks: _Optional[bool] = ...) -> None: ...

class MaskSpec(_message.Message):
    __slots__ = ("version", "size", "line_width")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    LINE_WIDTH_FIELD_NUMBER: _ClassVar[int]
    version: int
    size: int
    line_width: int
    def __init__(self, version: _Optional[int] = ..., size: _Optional[int] = ..., line_width: _Optional[int] = ...) -> None: ...

class FaceGeometry(_message.Message):
    __slots__ = ("points",)
    POINTS_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, points: _Optional[_Iterable[float]] = ...) -> None: ...

class TrackVideoResponse(_message.Message):
    __slots__ = ("header", "frames", "summary")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    header: TrackVideoHeader
    frames: TrackedFrames
    summary: TrackVideoSummary
    def __init__(self, header: _Optional[_Union[TrackVideoHeader, _Mapping]] = ..., frames: _Optional[_Union[TrackedFrames, _Mapping]] = ..., summary: _Optional[_Union[TrackVideoSummary, _Mapping]] = ...) -> None: ...

class TrackVideoHeader(_message.Message):
    __slots__ = ("width", "height", "time_base", "average_rate", "frame_count_from_header", "crop", "mask_spec", "mask_spec_hash", "geometry")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    TIME_BASE_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_RATE_FIELD_NUMBER: _ClassVar[int]
    FRAME_COUNT_FROM_HEADER_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    MASK_SPEC_FIELD_NUMBER: _ClassVar[int]
    MASK_SPEC_HASH_FIELD_NUMBER: _ClassVar[int]
    GEOMETRY_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    time_base: Rational
    average_rate: Rational
    frame_count_from_header: int
    crop: Crop
    mask_spec: MaskSpec
    mask_spec_hash: str
    geometry: FaceGeometry
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., time_base: _Optional[_Union[Rational, _Mapping]] = ..., average_rate: _Optional[_Union[Rational, _Mapping]] = ..., frame_count_from_header: _Optional[int] = ..., crop: _Optional[_Union[Crop, _Mapping]] = ..., mask_spec: _Optional[_Union[MaskSpec, _Mapping]] = ..., mask_spec_hash: _Optional[str] = ..., geometry: _Optional[_Union[FaceGeometry, _Mapping]] = ...) -> None: ...

class Rational(_message.Message):
    __slots__ = ("numerator", "denominator")
    NUMERATOR_FIELD_NUMBER: _ClassVar[int]
    DENOMINATOR_FIELD_NUMBER: _ClassVar[int]
    numerator: int
    denominator: int
    def __init__(self, numerator: _Optional[int] = ..., denominator: _Optional[int] = ...) -> None: ...

class Crop(_message.Message):
    __slots__ = ("x", "y", "size")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    x: int
    y: int
    size: int
    def __init__(self, x: _Optional[int] = ..., y: _Optional[int] = ..., size: _Optional[int] = ...) -> None: ...

class TrackedFrames(_message.Message):
    __slots__ = ("frames",)
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[TrackedFrame]
    def __init__(self, frames: _Optional[_Iterable[_Union[TrackedFrame, _Mapping]]] = ...) -> None: ...

class TrackedFrame(_message.Message):
    __slots__ = ("index", "pts", "duration", "source", "points", "mask")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PTS_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    index: int
    pts: int
    duration: int
    source: LandmarkSource
    points: _containers.RepeatedScalarFieldContainer[float]
    mask: bytes
    def __init__(self, index: _Optional[int] = ..., pts: _Optional[int] = ..., duration: _Optional[int] = ..., source: _Optional[_Union[LandmarkSource, str]] = ..., points: _Optional[_Iterable[float]] = ..., mask: _Optional[bytes] = ...) -> None: ...

class TrackVideoSummary(_message.Message):
    __slots__ = ("frame_count", "detected_count", "interpolated_count", "held_count", "multiple_face_count", "elapsed_seconds")
    FRAME_COUNT_FIELD_NUMBER: _ClassVar[int]
    DETECTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    INTERPOLATED_COUNT_FIELD_NUMBER: _ClassVar[int]
    HELD_COUNT_FIELD_NUMBER: _ClassVar[int]
    MULTIPLE_FACE_COUNT_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_SECONDS_FIELD_NUMBER: _ClassVar[int]
    frame_count: int
    detected_count: int
    interpolated_count: int
    held_count: int
    multiple_face_count: int
    elapsed_seconds: float
    def __init__(self, frame_count: _Optional[int] = ..., detected_count: _Optional[int] = ..., interpolated_count: _Optional[int] = ..., held_count: _Optional[int] = ..., multiple_face_count: _Optional[int] = ..., elapsed_seconds: _Optional[float] = ...) -> None: ...
