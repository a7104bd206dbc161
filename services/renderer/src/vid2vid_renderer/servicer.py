"""The thin edge: messages in, messages out."""

from __future__ import annotations

from collections.abc import Iterator

import grpc

from vid2vid.renderer.v1 import renderer_pb2 as pb
from vid2vid.renderer.v1 import renderer_pb2_grpc as pb_grpc
from vid2vid_core.identifiers import validate_model_name
from vid2vid_renderer.admission import Admission
from vid2vid_renderer.convert import model_message
from vid2vid_renderer.render_call import RenderParts, render_responses

SERVICE = "vid2vid.renderer.v1.RenderService"


class RenderServicer(pb_grpc.RenderServiceServicer):
    """Answers RenderService; errors leave as exceptions, the server's interceptor makes statuses of them."""

    def __init__(self, parts: RenderParts, admission: Admission) -> None:
        self._parts = parts
        self._admission = admission

    def Render(  # noqa: N802 - gRPC's name
        self, request_iterator: Iterator[pb.RenderRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.RenderResponse]:
        """Render one content video."""
        with self._admission.enter():
            yield from render_responses(self._parts, request_iterator, context)

    def ListModels(  # noqa: N802 - gRPC's name
        self, request: pb.ListModelsRequest, context: grpc.ServicerContext
    ) -> pb.ListModelsResponse:
        """List every style."""
        return pb.ListModelsResponse(models=[model_message(status) for status in self._parts.generator.list_models()])

    def GetModel(  # noqa: N802 - gRPC's name
        self, request: pb.GetModelRequest, context: grpc.ServicerContext
    ) -> pb.GetModelResponse:
        """Describe one style."""
        name = validate_model_name(request.name)
        return pb.GetModelResponse(model=model_message(self._parts.generator.get_model(name)))
