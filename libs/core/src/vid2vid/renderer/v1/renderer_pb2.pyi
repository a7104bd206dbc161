from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Layout(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LAYOUT_UNSPECIFIED: _ClassVar[Layout]
    LAYOUT_SINGLE: _ClassVar[Layout]
    LAYOUT_SIDE_BY_SIDE: _ClassVar[Layout]

class CropMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CROP_MODE_UNSPECIFIED: _ClassVar[CropMode]
    CROP_MODE_PORTRAIT: _ClassVar[CropMode]
    CROP_MODE_NONE: _ClassVar[CropMode]

class RetargetMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RETARGET_MODE_UNSPECIFIED: _ClassVar[RetargetMode]
    RETARGET_MODE_ON: _ClassVar[RetargetMode]
    RETARGET_MODE_OFF: _ClassVar[RetargetMode]

class RenderStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RENDER_STAGE_UNSPECIFIED: _ClassVar[RenderStage]
    RENDER_STAGE_UPLOADING: _ClassVar[RenderStage]
    RENDER_STAGE_ANALYSING: _ClassVar[RenderStage]
    RENDER_STAGE_RENDERING: _ClassVar[RenderStage]
    RENDER_STAGE_MUXING: _ClassVar[RenderStage]

class AudioHandling(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIO_HANDLING_UNSPECIFIED: _ClassVar[AudioHandling]
    AUDIO_HANDLING_COPIED: _ClassVar[AudioHandling]
    AUDIO_HANDLING_TRANSCODED: _ClassVar[AudioHandling]
    AUDIO_HANDLING_NONE: _ClassVar[AudioHandling]

class ModelState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_STATE_UNSPECIFIED: _ClassVar[ModelState]
    MODEL_STATE_LOADING: _ClassVar[ModelState]
    MODEL_STATE_READY: _ClassVar[ModelState]
    MODEL_STATE_UNLOADING: _ClassVar[ModelState]
    MODEL_STATE_UNAVAILABLE: _ClassVar[ModelState]
LAYOUT_UNSPECIFIED: Layout
LAYOUT_SINGLE: Layout
LAYOUT_SIDE_BY_SIDE: Layout
CROP_MODE_UNSPECIFIED: CropMode
CROP_MODE_PORTRAIT: CropMode
CROP_MODE_NONE: CropMode
RETARGET_MODE_UNSPECIFIED: RetargetMode
RETARGET_MODE_ON: RetargetMode
RETARGET_MODE_OFF: RetargetMode
RENDER_STAGE_UNSPECIFIED: RenderStage
RENDER_STAGE_UPLOADING: RenderStage
RENDER_STAGE_ANALYSING: RenderStage
RENDER_STAGE_RENDERING: RenderStage
RENDER_STAGE_MUXING: RenderStage
AUDIO_HANDLING_UNSPECIFIED: AudioHandling
AUDIO_HANDLING_COPIED: AudioHandling
AUDIO_HANDLING_TRANSCODED: AudioHandling
AUDIO_HANDLING_NONE: AudioHandling
MODEL_STATE_UNSPECIFIED: ModelState
MODEL_STATE_LOADING: ModelState
MODEL_STATE_READY: ModelState
MODEL_STATE_UNLOADING: ModelState
MODEL_STATE_UNAVAILABLE: ModelState

class RenderRequest(_message.Message):
    __slots__ = ("settings", "chunk")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    settings: RenderSettings
    chunk: bytes
    def __init__(self, settings: _Optional[_Union[RenderSettings, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class RenderSettings(_message.Message):
    __slots__ = ("model", "version", "layout", "crop_mode", "retarget_mode")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    CROP_MODE_FIELD_NUMBER: _ClassVar[int]
    RETARGET_MODE_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: int
    layout: Layout
    crop_mode: CropMode
    retarget_mode: RetargetMode
    def __init__(self, model: _Optional[str] = ..., version: _Optional[int] = ..., layout: _Optional[_Union[Layout, str]] = ..., crop_mode: _Optional[_Union[CropMode, str]] = ..., retarget_mode: _Optional[_Union[RetargetMode, str]] = ...) -> None: ...

class RenderResponse(_message.Message):
    __slots__ = ("accepted", "progress", "chunk", "summary")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    accepted: RenderAccepted
    progress: RenderProgress
    chunk: bytes
    summary: RenderSummary
    def __init__(self, accepted: _Optional[_Union[RenderAccepted, _Mapping]] = ..., progress: _Optional[_Union[RenderProgress, _Mapping]] = ..., chunk: _Optional[bytes] = ..., summary: _Optional[_Union[RenderSummary, _Mapping]] = ...) -> None: ...

class RenderAccepted(_message.Message):
    __slots__ = ("render_id", "settings", "max_upload_bytes")
    RENDER_ID_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    MAX_UPLOAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    render_id: str
    settings: RenderSettings
    max_upload_bytes: int
    def __init__(self, render_id: _Optional[str] = ..., settings: _Optional[_Union[RenderSettings, _Mapping]] = ..., max_upload_bytes: _Optional[int] = ...) -> None: ...

class RenderProgress(_message.Message):
    __slots__ = ("stage", "frames_done", "frames_total", "frames_per_second")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FRAMES_DONE_FIELD_NUMBER: _ClassVar[int]
    FRAMES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    FRAMES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    stage: RenderStage
    frames_done: int
    frames_total: int
    frames_per_second: float
    def __init__(self, stage: _Optional[_Union[RenderStage, str]] = ..., frames_done: _Optional[int] = ..., frames_total: _Optional[int] = ..., frames_per_second: _Optional[float] = ...) -> None: ...

class RenderSummary(_message.Message):
    __slots__ = ("frame_count", "detected_count", "interpolated_count", "held_count", "multiple_face_count", "model", "version", "width", "height", "audio", "result_bytes", "result_sha256", "elapsed_seconds", "stage_seconds", "mean_batch_size")
    FRAME_COUNT_FIELD_NUMBER: _ClassVar[int]
    DETECTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    INTERPOLATED_COUNT_FIELD_NUMBER: _ClassVar[int]
    HELD_COUNT_FIELD_NUMBER: _ClassVar[int]
    MULTIPLE_FACE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    RESULT_BYTES_FIELD_NUMBER: _ClassVar[int]
    RESULT_SHA256_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_SECONDS_FIELD_NUMBER: _ClassVar[int]
    STAGE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MEAN_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    frame_count: int
    detected_count: int
    interpolated_count: int
    held_count: int
    multiple_face_count: int
    model: str
    version: int
    width: int
    height: int
    audio: AudioHandling
    result_bytes: int
    result_sha256: str
    elapsed_seconds: float
    stage_seconds: _containers.RepeatedCompositeFieldContainer[StageTime]
    mean_batch_size: float
    def __init__(self, frame_count: _Optional[int] = ..., detected_count: _Optional[int] = ..., interpolated_count: _Optional[int] = ..., held_count: _Optional[int] = ..., multiple_face_count: _Optional[int] = ..., model: _Optional[str] = ..., version: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., audio: _Optional[_Union[AudioHandling, str]] = ..., result_bytes: _Optional[int] = ..., result_sha256: _Optional[str] = ..., elapsed_seconds: _Optional[float] = ..., stage_seconds: _Optional[_Iterable[_Union[StageTime, _Mapping]]] = ..., mean_batch_size: _Optional[float] = ...) -> None: ...

class StageTime(_message.Message):
    __slots__ = ("name", "seconds")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    seconds: float
    def __init__(self, name: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: Model
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "versions", "size", "mask_spec_hash", "max_batch_size")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MASK_SPEC_HASH_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    name: str
    versions: _containers.RepeatedCompositeFieldContainer[ModelVersion]
    size: int
    mask_spec_hash: str
    max_batch_size: int
    def __init__(self, name: _Optional[str] = ..., versions: _Optional[_Iterable[_Union[ModelVersion, _Mapping]]] = ..., size: _Optional[int] = ..., mask_spec_hash: _Optional[str] = ..., max_batch_size: _Optional[int] = ...) -> None: ...

class ModelVersion(_message.Message):
    __slots__ = ("version", "state", "reason", "device", "training_run", "onnx_sha256")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    TRAINING_RUN_FIELD_NUMBER: _ClassVar[int]
    ONNX_SHA256_FIELD_NUMBER: _ClassVar[int]
    version: int
    state: ModelState
    reason: str
    device: str
    training_run: str
    onnx_sha256: str
    def __init__(self, version: _Optional[int] = ..., state: _Optional[_Union[ModelState, str]] = ..., reason: _Optional[str] = ..., device: _Optional[str] = ..., training_run: _Optional[str] = ..., onnx_sha256: _Optional[str] = ...) -> None: ...
