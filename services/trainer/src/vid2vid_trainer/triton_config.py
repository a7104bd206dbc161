"""config.pbtxt of a style, from typed objects through Triton's own protobuf message.

Field reference: https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from vid2vid_core.errors import ContractViolation
from vid2vid_core.tensors import BACKEND, FRAME_TENSOR, MASK_TENSOR, MAX_BATCH_SIZE, ModelCard, TensorSpec

CONFIG_FILENAME = "config.pbtxt"
"""Triton's name for it inside a model's folder."""

SERVING_PARAMETERS: Mapping[str, str] = {
    # ModelConfig.parameters, read by the ONNX Runtime backend. As soon as there are parameters at all, this one counts
    # instead of the accelerator's option of that name; 1 is HEURISTIC. DEFAULT can be fifty times slower
    # (https://github.com/microsoft/onnxruntime/issues/22705), EXHAUSTIVE stalls on every new batch size.
    "cudnn_conv_algo_search": "1",
}
"""Parameters for the backend; those of the model card stand beside them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TritonConfig:
    """What Triton is told about a style."""

    name: str
    """ModelConfig.name: the style, which is the folder's name."""
    card: ModelCard
    """Mask spec and published versions, which ModelConfig.parameters carry."""
    found: pb.ModelConfig | None = field(default=None, repr=False, compare=False)
    """The file as it was found, None for a new style. What people changed in it stays."""

    def to_message(self) -> pb.ModelConfig:
        """Triton's message: of a new style, or the one that was found with the versions that have come since."""
        config = self._new() if self.found is None else self._extended(self.found)
        for key, value in self.card.to_parameters().items():
            config.parameters[key].string_value = value
        return config

    def _extended(self, found: pb.ModelConfig) -> pb.ModelConfig:
        """Adds to the policy only what is new: a version that was taken out of it is retired and stays so."""
        config = pb.ModelConfig()
        config.CopyFrom(found)
        if config.version_policy.HasField("specific"):
            fresh = set(self.card.versions) - set(_card(found).versions)
            config.version_policy.specific.versions.extend(sorted(fresh))
        return config

    def _new(self) -> pb.ModelConfig:
        size = self.card.mask_spec.size
        config = pb.ModelConfig(
            name=self.name,
            backend=BACKEND,
            max_batch_size=MAX_BATCH_SIZE,
            input=[
                pb.ModelInput(name=MASK_TENSOR.name, data_type=_datatype(MASK_TENSOR), dims=MASK_TENSOR.shape(size))
            ],
            output=[
                pb.ModelOutput(name=FRAME_TENSOR.name, data_type=_datatype(FRAME_TENSOR), dims=FRAME_TENSOR.shape(size))
            ],
            # As large a batch as waits at the moment; nobody waits for a larger one.
            dynamic_batching=pb.ModelDynamicBatching(),
            # One instance uses all cores. KIND_AUTO is the GPU where there is one.
            instance_group=[pb.ModelInstanceGroup(kind=pb.ModelInstanceGroup.KIND_AUTO, count=1)],
            # Triton's default serves the newest version only.
            version_policy=pb.ModelVersionPolicy(
                specific=pb.ModelVersionPolicy.Specific(versions=sorted(self.card.versions))
            ),
            optimization=_optimization(),
        )
        for key, value in SERVING_PARAMETERS.items():
            config.parameters[key].string_value = value
        return config

    def to_text(self) -> str:
        """The content of config.pbtxt."""
        return str(text_format.MessageToString(self.to_message()))

    @classmethod
    def from_text(cls, text: str) -> TritonConfig:
        """Read what :meth:`to_text` wrote.

        Raises:
            ContractViolation: The text is not a model configuration, or not of a vid2vid style.
            MaskSpecMismatch: The mask spec is newer than this build.
        """
        try:
            message = text_format.Parse(text, pb.ModelConfig())
        except text_format.ParseError as error:
            raise ContractViolation(f"{CONFIG_FILENAME} can't be read: {' '.join(str(error).split())}") from error
        return cls(name=message.name, card=_card(message), found=message)


def _card(message: pb.ModelConfig) -> ModelCard:
    return ModelCard.from_parameters({key: value.string_value for key, value in message.parameters.items()})


def _datatype(tensor: TensorSpec) -> int:
    return int(pb.DataType.Value(f"TYPE_{tensor.datatype}"))


def _optimization() -> pb.ModelOptimizationPolicy:
    cuda = pb.ModelOptimizationPolicy.ExecutionAccelerators.Accelerator(name="cuda")
    accelerators = pb.ModelOptimizationPolicy.ExecutionAccelerators(gpu_execution_accelerator=[cuda])
    return pb.ModelOptimizationPolicy(execution_accelerators=accelerators)
