"""How fast the landmark service is, and how that compares with dlib on every full-size frame.

    python benchmarks/bench_landmarks.py clip.mp4 --runs 5

Starts the service with its defaults on a free loopback port, sends the clip several times, and prints the median rate
from the first byte of the upload to the summary, the processor time per frame (service, workers and ffmpeg), and the
ratio to a plain loop in one process: decode, detect on the whole picture enlarged once, predict.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import cv2
import dlib
import psutil

from vid2vid_core.landmarks_client import LandmarksClient
from vid2vid_core.mask import MaskSpec
from vid2vid_landmarks.detector import find_predictor

NAIVE_FRAMES = 40


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--mask-size", type=int, default=256)
    arguments = parser.parse_args()
    naive, naive_cpu_ms = naive_rate(arguments.clip)
    rates, cpu_ms = service_rates(arguments.clip, arguments.runs, MaskSpec(size=arguments.mask_size))
    median = statistics.median(rates)
    print(f"service     {median:8.1f} frames/s  median of {len(rates)}, best {max(rates):.1f}, worst {min(rates):.1f}")
    print(f"processor   {statistics.median(cpu_ms):8.2f} ms per frame")
    print(f"naive loop  {naive:8.1f} frames/s  first {NAIVE_FRAMES} frames, one process, picture enlarged once")
    print(f"processor   {naive_cpu_ms:8.2f} ms per frame")
    processor_ratio = naive_cpu_ms / statistics.median(cpu_ms)
    print(f"ratio       {median / naive:8.1f} in frames/s, {processor_ratio:.1f} in processor time")


def service_rates(clip: Path, runs: int, spec: MaskSpec) -> tuple[list[float], list[float]]:
    """Frames per second and processor milliseconds per frame of each run, after one run to warm up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = {**os.environ, "VID2VID_LANDMARKS_LISTEN": target, "VID2VID_LANDMARKS_LOG_LEVEL": "WARNING"}
    with subprocess.Popen([sys.executable, "-m", "vid2vid_landmarks"], env=environment) as process:
        try:
            wait_for(target)
            with LandmarksClient(target) as client:
                results = [one_run(client, clip, spec, process.pid) for _ in range(runs + 1)][1:]
        finally:
            process.terminate()
    return [rate for rate, _ in results], [cpu for _, cpu in results]


def one_run(client: LandmarksClient, clip: Path, spec: MaskSpec, process_id: int) -> tuple[float, float]:
    """Send the clip once."""
    cpu_before, started = cpu_seconds(process_id), time.monotonic()
    with client.track(clip, mask_spec=spec) as tracking:
        frames = sum(1 for _ in tracking)
    elapsed = time.monotonic() - started
    return frames / elapsed, 1000 * (cpu_seconds(process_id) - cpu_before) / frames


def cpu_seconds(process_id: int) -> float:
    """Processor time of a process, its children, and the children that have ended."""
    parent = psutil.Process(process_id)
    times = [process.cpu_times() for process in [parent, *parent.children(recursive=True)]]
    return sum(item.user + item.system + item.children_user + item.children_system for item in times)


def wait_for(target: str) -> None:
    """Wait until the service listens."""
    host, port = target.split(":")
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def naive_rate(clip: Path) -> tuple[float, float]:
    """Frames per second and processor milliseconds per frame of the plain loop."""
    cv2.setNumThreads(1)
    detect, predict = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(find_predictor()))
    video = cv2.VideoCapture(str(clip))
    cpu_before, started, frames = time.process_time(), time.monotonic(), 0
    while frames < NAIVE_FRAMES:
        readable, picture = video.read()
        if not readable:
            break
        gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        for box in detect(gray, 1):
            predict(gray, box)
        frames += 1
    video.release()
    return frames / (time.monotonic() - started), 1000 * (time.process_time() - cpu_before) / frames


if __name__ == "__main__":
    main()
