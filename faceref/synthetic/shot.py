"""How one picture of a person is taken: expression, gaze, camera, light, clothes and film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceref.synthetic.identity import Rgb
from faceref.synthetic.latent import generator

MAX_YAW = 24.0
MAX_PITCH = 12.0
MIDDLE = ("jawOpen", "browInnerUp")
"""Facial actions that have no left and right."""
MOODS = {
    "grin": (
        0.4,
        (
            *(("mouthSmile", 0.45, 0.85), ("cheekSquint", 0.35, 0.35)),
            *(("mouthUpperUp", 0.0, 0.2), ("jawOpen", 0.0, 0.08)),
        ),
    ),
    "smile": (0.3, (("mouthSmile", 0.15, 0.45),)),
    "speak": (0.12, (("jawOpen", 0.04, 0.18), ("browInnerUp", 0.0, 0.3))),
    "frown": (0.08, (("browDown", 0.2, 0.5), ("mouthFrown", 0.1, 0.3), ("eyeSquint", 0.2, 0.2))),
    "surprise": (
        0.1,
        (("browInnerUp", 0.1, 0.4), ("browOuterUp", 0.1, 0.4), ("eyeWide", 0.0, 0.3)),
    ),
}
"""Share of the pictures, and facial actions with the range of their weights."""


@dataclass(frozen=True)
class Light:
    """A square lamp that points at the face."""

    azimuth: float
    """Degrees from the camera's side, positive to the person's left."""
    elevation: float
    """Degrees above the face."""
    size: float
    """Side length in metres."""
    power: float
    colour: Rgb


@dataclass(frozen=True)
class Shot:
    """Everything that changes from picture to picture."""

    key: str
    """Seeds background, clothes and film grain."""
    expression: dict[str, float]
    """Weights of facial actions."""
    gaze: tuple[float, float]
    """Yaw and pitch of the eyes in the head, radians."""
    yaw: float
    """Degrees; the camera stands on the person's left for positive values."""
    pitch: float
    """Degrees; the camera looks down for positive values."""
    roll: float
    """Degrees."""
    distance: float
    """Metres from camera to face."""
    span: float
    """Metres across the frame at the face."""
    offset: tuple[float, float]
    """Metres that the frame's centre is moved right and up."""
    lights: tuple[Light, ...]
    ambient: float
    ambient_tint: Rgb
    exposure: float
    """Factor on the exposure that the skin asks for."""
    white_balance: Rgb
    blur: float
    """Standard deviation of the lens blur, in 1/128 of the frame."""
    grain: float
    """Standard deviation of the film grain, sRGB in [0, 1]."""


def draw_shot(seed: int, index: int, picture: int) -> Shot:
    """Picture number `picture` of person `index`; number 0 is neutral and frontal."""
    rng = generator(seed, index, picture, "shot")
    turned = 0.0 if picture == 0 else float(rng.uniform(-1, 1))
    return Shot(
        key=f"{seed}/{index}/{picture}",
        expression={} if picture == 0 else draw_expression(rng),
        gaze=(float(rng.normal(0, 0.08)), float(rng.normal(0, 0.04))),
        yaw=MAX_YAW * turned + float(np.clip(rng.normal(0, 0.5), -1, 1)),
        pitch=float(np.clip(rng.normal(0, 5), -MAX_PITCH, MAX_PITCH)),
        roll=float(np.clip(rng.normal(0, 3.5), -10, 10)),
        distance=float(rng.uniform(0.8, 2.0)),
        span=float(rng.uniform(0.228, 0.268)),
        offset=(float(rng.normal(0, 0.003)), float(rng.normal(-0.026, 0.004))),
        lights=_lights(rng),
        ambient=float(rng.uniform(0.2, 0.75)),
        ambient_tint=_tint(rng, 0.05, 0.07),
        exposure=float(rng.uniform(0.85, 1.2)),
        white_balance=_tint(rng, 0.02, 0.03),
        blur=float(rng.uniform(0.30, 0.50)),
        grain=float(rng.uniform(0.001, 0.004)),
    )


def _tint(rng: np.random.Generator, red: float, blue: float) -> Rgb:
    return 1 + float(rng.normal(0, red)), 1.0, 1 + float(rng.normal(0, blue))


def _lamp(
    rng: np.random.Generator, azimuth: float, elevation: float, size: float, power: float
) -> Light:
    warm = (1.0, float(rng.uniform(0.84, 1.0)), float(rng.uniform(0.68, 1.04)))
    return Light(azimuth, elevation, size, power, warm)


def _lights(rng: np.random.Generator) -> tuple[Light, ...]:
    side = float(rng.choice([-1, 1]))

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    lamps = [_lamp(rng, side * draw(5, 65), draw(8, 50), draw(0.3, 1.2), draw(4.5, 9))]
    if rng.uniform() < 0.7:
        lamps.append(_lamp(rng, -side * draw(10, 80), draw(-10, 40), 0.9, draw(0.8, 3)))
    if rng.uniform() < 0.4:
        away = float(rng.choice([-1, 1])) * draw(115, 165)
        lamps.append(_lamp(rng, away, draw(0, 50), 0.5, draw(2, 6)))
    return tuple(lamps)


def draw_expression(rng: np.random.Generator) -> dict[str, float]:
    """Weights of the facial actions of a grin, a smile, a word, a frown or a surprise."""
    mood = rng.choice(list(MOODS), p=[share for share, _ in MOODS.values()])
    weights: dict[str, float] = {}

    def both(name: str, value: float, spread: float = 0.08) -> None:
        for side in ("Left", "Right"):
            weights[name + side] = float(np.clip(value + spread * rng.normal(), 0, 1))

    for name, low, high in MOODS[mood][1]:
        value = float(rng.uniform(low, high)) if low < high else low
        if name in MIDDLE:
            weights[name] = value
        else:
            both(name, value)
    both("eyeBlink", rng.uniform(0, 0.12), 0.02)
    return weights
