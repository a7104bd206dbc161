from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from tests.support.ports import free_port
from vid2vid_renderer.triton_metrics import TritonDevices, parse_devices

METRICS = """\
# HELP nv_inference_count Number of inferences
nv_inference_count{model="anna",version="1"} 12
# TYPE vid2vid_onnxruntime_device gauge
vid2vid_onnxruntime_device{device="cpu",model="anna",version="1"} 1
vid2vid_onnxruntime_device{model="anna",version="2",device="cuda"} 1
vid2vid_onnxruntime_device{device="cpu",model="x",version="newest"} 1
"""


def test_devices_are_read_by_model_and_version() -> None:
    assert parse_devices(METRICS) == {("anna", 1): "cpu", ("anna", 2): "cuda"}


NVIDIA = """\
nv_inference_count{model="anna",version="1"} 0
nv_inference_count{gpu_uuid="GPU-1",model="anna",version="1"} 0
nv_inference_count{model="slow",version="3"} 0
"""


def test_devices_under_nvidias_backend_come_from_tritons_counters() -> None:
    gpu = 'nv_gpu_memory_total_bytes{gpu_uuid="GPU-1"} 8e10\n'
    assert parse_devices(NVIDIA + gpu) == {("anna", 1): "cuda", ("slow", 3): "cpu"}


def test_device_is_unknown_where_triton_tells_nothing_of_gpus() -> None:
    assert parse_devices('nv_inference_count{model="anna",version="1"} 0\n') == {}


def test_our_backends_word_counts_more_than_where_triton_put_the_instance() -> None:
    fallen_back = 'vid2vid_onnxruntime_device{device="cpu",model="anna",version="1"} 1\n'
    assert parse_devices(fallen_back + NVIDIA) == {("anna", 1): "cpu"}


def test_devices_are_unknown_when_nobody_answers() -> None:
    assert TritonDevices(f"127.0.0.1:{free_port()}")() == {}


def test_devices_are_unknown_when_no_endpoint_is_set() -> None:
    assert TritonDevices("")() == {}


def test_devices_come_from_the_metrics_endpoint() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/metrics" else 404)
            self.end_headers()
            self.wfile.write(METRICS.encode())

        def log_message(self, *_values: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        devices = TritonDevices(f"127.0.0.1:{server.server_port}")()
        thread.join(5)
    assert devices == {("anna", 1): "cpu", ("anna", 2): "cuda"}
