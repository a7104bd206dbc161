"""The result says of itself that it is AI-generated, and by what."""

from __future__ import annotations

from vid2vid_renderer.generator import ResolvedModel

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's term for media made by a trained algorithm; a name, not an address that is ever opened."""


def output_metadata(model: ResolvedModel, *, label: bool) -> dict[str, str]:
    """The container metadata of a result; empty if it is not to be labelled."""
    if not label:
        return {}
    return {
        "comment": f"AI-generated: rendered by vid2vid with model {model.name} version {model.version}",
        "digital_source_type": DIGITAL_SOURCE_TYPE,
        "vid2vid_model": model.name,
        "vid2vid_version": str(model.version),
    }
