"""Speech-like babble: what is said, how it sounds, how wide the mouth opens for it. Deterministic, numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Curve = NDArray[np.float64]

SAMPLE_RATE = 44_100
"""Samples per second."""
_HARMONICS = 40
"""Summed up to this multiple of the pitch; above it the formants pass nothing."""
_FORMANT_WIDTHS = (90.0, 130.0, 220.0)
"""Hz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vowel:
    """A vowel's resonances and the mouth that makes them."""

    formants: tuple[float, float, float]
    """Hz."""
    openness: float
    """0 closed to 1 wide open; the first formant rises with it."""
    width: float
    """Mouth width relative to a smile; rounded lips lower the second formant."""


VOWELS = (
    Vowel(formants=(760, 1250, 2500), openness=1.0, width=0.86),  # a
    Vowel(formants=(560, 1800, 2500), openness=0.66, width=0.92),  # e
    Vowel(formants=(320, 2200, 2950), openness=0.36, width=0.96),  # i
    Vowel(formants=(520, 880, 2400), openness=0.62, width=0.76),  # o
    Vowel(formants=(340, 760, 2250), openness=0.34, width=0.72),  # u
    Vowel(formants=(500, 1480, 2480), openness=0.5, width=0.86),  # as in the second vowel of "sofa"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Syllable:
    """One opening and closing of the mouth."""

    start: float
    """Seconds."""
    length: float
    """Seconds."""
    vowel: Vowel
    loudness: float
    """0 to 1."""
    hiss: float
    """Strength of the consonant before the vowel, 0 to 1."""


def plan_speech(seconds: float, seed: int) -> tuple[Syllable, ...]:
    """Phrases of four to nine syllables with pauses between them, filling `seconds`."""
    random = np.random.default_rng(seed)
    syllables: list[Syllable] = []
    now = 0.25
    while now < seconds - 0.5:
        for _ in range(int(random.integers(4, 10))):
            length = float(random.uniform(0.17, 0.34))
            if now + length > seconds - 0.15:
                return tuple(syllables)
            syllables.append(
                Syllable(
                    start=now,
                    length=length,
                    vowel=VOWELS[int(random.integers(len(VOWELS)))],
                    loudness=float(random.uniform(0.65, 1.0)),
                    hiss=float(random.choice([0.0, 0.0, 0.5, 1.0])),
                )
            )
            now += length * float(random.uniform(0.78, 1.0))
        now += float(random.uniform(0.3, 0.65))
    return tuple(syllables)


def mouth_opening(syllables: tuple[Syllable, ...], times: Curve) -> Curve:
    """How far the mouth is open at these times (seconds), 0 to 1."""
    opening = np.zeros_like(times)
    for syllable in syllables:
        peak = syllable.vowel.openness * (0.55 + 0.45 * syllable.loudness)
        opening = np.maximum(opening, peak * _swell(syllable, times))
    return opening


def mouth_width(syllables: tuple[Syllable, ...], times: Curve, rest: float = 0.86) -> Curve:
    """Mouth width at these times (seconds), relative to the portrait's smile."""
    return _weighted(syllables, times, [syllable.vowel.width for syllable in syllables], rest)


def synthesise(syllables: tuple[Syllable, ...], seconds: float, *, pitch: float, seed: int) -> Samples:
    """Sound of the syllables at SAMPLE_RATE, mono, -1 to 1.

    A glottal pulse train, as its harmonics, each as loud as the moving formants let it through; noise for consonants.

    Args:
        syllables: what is said.
        seconds: length of the sound; pauses are silent.
        pitch: mean fundamental frequency, Hz.
        seed: of the noise.
    """
    random = np.random.default_rng(seed)
    control = np.arange(0, seconds + 0.01, 0.005)
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    melody = pitch * (1 + 0.1 * np.sin(1.7 * control) + 0.06 * np.sin(4.3 * control + 1) + 0.08 * np.cos(0.6 * control))
    phase = 2 * np.pi * np.cumsum(np.interp(times, control, melody)) / SAMPLE_RATE
    formants = [
        _weighted(syllables, control, [syllable.vowel.formants[n] for syllable in syllables], rest)
        for n, rest in enumerate((500.0, 1500.0, 2500.0))
    ]
    voice = np.zeros(len(times), np.float32)
    for harmonic in range(1, _HARMONICS + 1):
        loudness = _resonance(harmonic * melody, formants) / harmonic
        voice += (np.interp(times, control, loudness) * np.sin(harmonic * phase)).astype(np.float32)
    voice *= np.interp(times, control, mouth_opening(syllables, control) ** 0.8).astype(np.float32)
    voice += _consonants(syllables, times, random)
    return np.asarray(0.7 * voice / max(float(np.abs(voice).max()), 1e-6), np.float32)


def _swell(syllable: Syllable, times: Curve) -> Curve:
    """Raised cosine, slightly wider than the syllable: neighbours flow into each other."""
    centre = syllable.start + syllable.length / 2
    place = np.clip((times - centre) / (0.62 * syllable.length), -1, 1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * place))


def _weighted(syllables: tuple[Syllable, ...], times: Curve, values: list[float], rest: float) -> Curve:
    """Glide from value to value, back to `rest` in pauses."""
    total = np.full_like(times, 0.08)
    blended = total * rest
    for syllable, value in zip(syllables, values, strict=True):
        weight = _swell(syllable, times)
        total = total + weight
        blended = blended + weight * value
    return np.asarray(blended / total)


def _resonance(frequency: Curve, formants: list[Curve]) -> Curve:
    """How strongly three resonators pass a frequency; all in Hz."""
    gain = np.full_like(frequency, 0.03)
    for formant, width, strength in zip(formants, _FORMANT_WIDTHS, (1.0, 0.6, 0.3), strict=True):
        gain = gain + strength / (1 + ((frequency - formant) / width) ** 2)
    return gain * (frequency < 7000)


def _consonants(syllables: tuple[Syllable, ...], times: Curve, random: np.random.Generator) -> Samples:
    loudness = np.zeros_like(times)
    for syllable in syllables:
        loudness += 0.05 * syllable.hiss * np.exp(-(((times - syllable.start) / 0.025) ** 2))
    noise = np.diff(random.standard_normal(len(times) + 1))  # differencing takes the rumble out
    return np.asarray(loudness * noise, np.float32)
