"""Who a person is: every trait that stays the same from picture to picture, drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceref.synthetic.latent import TRAITS, Latent, draw_latent, generator, percentile
from faceref.synthetic.noise import ramp
from faceref.synthetic.palette import HAIR_COLOURS, IRIS_COLOURS

Array = np.ndarray
Rgb = tuple[float, float, float]
SHAPE_SPREAD = 0.24
"""Standard deviation of a local target's weight where `SPREADS` names none."""
SPREADS = {
    "mouth-trans-out": 0.02,
    "nose-trans-out": 0.02,
    "head-trans-out": 0.0,
    "head-trans-up": 0.0,
    "head-trans-forward": 0.0,
    "head-angle-out": 0.05,
    "head-age-incr": 0.05,
    "head-fat-incr": 0.25,
    "nose-septumangle-incr": 0.12,
    "neck-double-incr": 0.12,
    "mouth-scale-depth-incr": 0.15,
    "mouth-scale-vert-incr": 0.15,
    "nose-compression-uncompress": 0.15,
    "nose-point-up": 0.18,
    "nose-volume-incr": 0.18,
    "nose-trans-up": 0.15,
    "nose-hump-incr": 0.2,
    "l-eye-push1-out": 0.1,
    "l-eye-push2-out": 0.1,
    "l-eye-bag-out": 0.12,
    "l-eye-bag-incr": 0.12,
    "l-eye-eyefold-up": 0.2,
    "l-eye-height1-incr": 0.12,
    "l-eye-height2-incr": 0.15,
    "l-eye-height3-incr": 0.12,
    "l-eye-trans-up": 0.18,
    "l-eye-corner1-up": 0.15,
    "l-eye-corner2-up": 0.18,
    "l-ear-wing-incr": 0.15,
    "l-ear-shape-triangle": 0.12,
    "l-ear-trans-up": 0.15,
    "l-ear-trans-forward": 0.1,
    "forehead-nubian-incr": 0.12,
    "forehead-scale-vert-incr": 0.18,
    "chin-jaw-drop-incr": 0.15,
    "mouth-lowerlip-ext-up": 0.12,
    "mouth-upperlip-ext-up": 0.12,
}
ASYMMETRY = 0.06
"""Standard deviation of half the difference of a left and a right target's weights."""
ANCESTRIES = ("african", "asian", "caucasian")


@dataclass(frozen=True)
class Skin:
    """Colour and texture of the skin."""

    melanin: float
    """0 fair to 1 dark."""
    blood: float
    """Redness of cheeks, nose and ears, about 0 to 1."""
    yellow: float
    """Loss of blue, 0 to 1."""
    mottle: float
    """Strength of uneven colour, about 1."""
    freckles: float
    """Strength, 0 for none."""
    moles: int
    age: float
    """Wrinkles and spots, 0 young to 1 old."""
    eye_bags: float
    """Darkness under the eyes, 0 to 1."""
    lips: float
    """Strength of the lip colour, 0 to 1."""
    lipstick: int | None
    """Index into `palette.LIPSTICKS`."""


@dataclass(frozen=True)
class Hair:
    """Hair of the head."""

    style: str
    colour: Rgb
    """Linear reflectance."""
    parting: float
    """Metres from the middle to the person's left."""
    recession: float
    """Metres that the hairline is moved back."""
    volume: float
    """0 flat to 1 full."""
    length: float
    """Factor on the style's length."""
    curl: float
    """Factor on the style's curl."""


@dataclass(frozen=True)
class Brows:
    """Eyebrows; lengths in metres on the template."""

    colour: Rgb
    height: float
    thickness: float
    arch: float
    density: float
    inner: float
    outer: float
    slope: float


@dataclass(frozen=True)
class Person:
    """Everything that stays the same from picture to picture."""

    key: str
    """Seeds the person's textures and hair."""
    build: dict[str, float]
    """Weights for `HeadModel.vertices`."""
    shape: dict[str, float]
    """Weights of local targets, left and right."""
    years: float
    skin: Skin
    hair: Hair
    brows: Brows
    beard: str
    """none, stubble, full, goatee or moustache."""
    beard_length: float
    """Metres."""
    iris: Rgb
    """Linear reflectance."""
    iris_radius: float
    """Degrees from the eye's axis."""
    glasses: tuple[float, float, int] | None
    """Width and squareness (standard normal) and index into `palette.FRAME_COLOURS`."""


def draw_person(seed: int, index: int, shape_names: Sequence[str]) -> Person:
    """Person `index` of the population of `seed`."""
    latent = draw_latent(seed, index, len(shape_names))
    z = dict(zip(TRAITS, latent.traits.tolist(), strict=True))
    rng = generator(seed, index, "person")
    build = _build(z)
    female, years = build["female"], 22 + 58 * build["old"]
    race = np.array([build[name] for name in ANCESTRIES])
    skin = _skin(z, race, female, years, rng)
    hair, brow_colour = _hair(z, race, female, years)
    return Person(
        key=f"{seed}/{index}",
        build=build,
        shape=_shape(latent, shape_names),
        years=years,
        skin=skin,
        hair=hair,
        brows=_brows(z, female, brow_colour),
        beard=_beard(z["beard"]) if female < 0.4 else "none",
        beard_length=0.004 + 0.006 * percentile(z["beard_length"]),
        iris=_iris(z, skin.melanin, float(race[1])),
        iris_radius=22.5 + 0.8 * z["iris_size"],
        glasses=_glasses(z, rng),
    )


def _build(z: dict[str, float]) -> dict[str, float]:
    race = np.exp(2.4 * np.array([z[name] for name in ANCESTRIES]))
    race /= race.sum()
    return {
        "female": float(1 / (1 + np.exp(-6 * z["sex"]))),
        "old": 0.85 * percentile(z["age"]) ** 1.9,
        "muscle": 0.35 + 0.35 * percentile(z["muscle"]),
        "weight": 0.3 + 0.45 * percentile(z["weight"]),
        **dict(zip(ANCESTRIES, race.tolist(), strict=True)),
    }


def _shape(latent: Latent, names: Sequence[str]) -> dict[str, float]:
    weights: dict[str, float] = {}
    draws = zip(names, latent.shape.tolist(), latent.asymmetry.tolist(), strict=True)
    for name, z, side in draws:
        weight = float(np.clip(z * SPREADS.get(name, SHAPE_SPREAD), -0.6, 0.6))
        weights[name] = weight
        if name.startswith("l-"):
            skew = ASYMMETRY * side
            weights[name], weights["r-" + name[2:]] = weight + skew, weight - skew
    weights["mouth-angles-up"] += 0.2
    return weights


def _skin(
    z: dict[str, float], race: Array, female: float, years: float, rng: np.random.Generator
) -> Skin:
    shade = float(race @ [0.80, 0.28, 0.15])
    melanin = float(np.clip(shade + 0.08 * z["melanin"], 0.03, 0.95))
    age = float(ramp(years, 38, 80))
    wears = female > 0.6 and z["lipstick"] > 0.3
    return Skin(
        melanin=melanin,
        blood=0.5 + 0.22 * z["blood"],
        yellow=float(0.45 * race[1]),
        mottle=0.6 + 0.2 * abs(z["mottle"]),
        freckles=max(0.0, z["freckles"] - 0.8) * (1 - melanin) ** 2,
        moles=int(rng.poisson(2)),
        age=age,
        eye_bags=float(np.clip(0.2 + 0.15 * z["eye_bags"] + 0.3 * age, 0, 0.8)),
        lips=float(np.clip(0.45 + 0.2 * z["lip_strength"] + 0.15 * female, 0.1, 0.9)),
        lipstick=int(rng.integers(3)) if wears else None,
    )


def _hair(z: dict[str, float], race: Array, female: float, years: float) -> tuple[Hair, Rgb]:
    colour = _hair_colour(percentile(z["hair_colour"]), float(race[0] + race[1]))
    dyed = 0.4 if female > 0.5 and z["greying"] < 0.3 else 1.0
    grey = float(np.clip(ramp(years, 46, 80) * (1 + 0.5 * z["greying"]), 0, 1)) * dyed
    aged = HAIR_COLOURS["white" if grey > 0.8 else "grey"]
    male = female < 0.5
    bald = 0.010 * ramp(years, 35, 70) * max(0.0, 0.5 + z["recession"]) if male else 0.0
    off = abs(z["parting"]) > 0.4
    hair = Hair(
        style=_style(percentile(z["style"]), male, years, float(race[0])),
        colour=_rgb(colour * (1 - grey) + aged * grey),
        parting=0.025 * float(np.sign(z["parting"])) if off else 0.0,
        recession=0.003 * z["recession"] + float(bald),
        volume=float(np.clip(0.5 + 0.25 * z["volume"], 0, 1)),
        length=float(np.exp(0.2 * z["length"])),
        curl=float(np.clip(0.4 + 0.35 * z["curl"], 0, 1.3)),
    )
    brow = colour * (1 - 0.6 * grey) + HAIR_COLOURS["grey"] * 0.6 * grey
    return hair, _rgb(0.7 * brow + 0.3 * HAIR_COLOURS["dark"])


def _hair_colour(u: float, dark: float) -> Array:
    """Colour of young hair from a uniform draw `u`; `dark` is the share of African and Asian."""
    fair = 1 - dark
    likely = [0.25 * dark + 0.02, 0.35 * dark + 0.1, 0.25 * fair + 0.08]
    share = np.cumsum([*likely, *(fair * np.array([0.3, 0.3, 0.14]))])
    names = ("black", "dark", "brown", "light", "blond", "red")
    return HAIR_COLOURS[names[int(np.searchsorted(share, u * share[-1]).clip(0, 5))]]


def _style(u: float, male: bool, years: float, african: float) -> str:
    """Hair style from a uniform draw `u`."""
    if african > 0.6:
        men, women = ["buzz", "buzz", "afro", "short"], ["afro", "curly", "long", "medium", "wavy"]
    elif years > 45:
        men = ["bald", "buzz", "short", "short", "side", "side"]
        women = ["medium", "medium", "side", "curly", "long", "wavy"]
    else:
        men = ["buzz", "short", "short", "side", "side", "curly", "fringe"]
        women = ["long", "long", "fringed", "medium", "tied", "wavy", "wavy", "curly", "side"]
    choices = men if male else women
    return choices[min(int(u * len(choices)), len(choices) - 1)]


def _brows(z: dict[str, float], female: float, colour: Rgb) -> Brows:
    thick = (0.0037 - 0.0009 * female) * (1 + 0.22 * z["brow_thickness"])
    return Brows(
        colour=colour,
        height=0.0018 * z["brow_height"],
        thickness=float(np.clip(thick, 0.0018, 0.0058)),
        arch=0.0026 + 0.0014 * z["brow_arch"] + 0.001 * female,
        density=float(np.clip(0.95 + 0.3 * z["brow_density"], 0.5, 1.5)),
        inner=0.0105 + 0.0014 * z["brow_inner"],
        outer=0.049 + 0.0022 * z["brow_outer"],
        slope=0.0018 * z["brow_slope"],
    )


def _beard(z: float) -> str:
    kinds = ((0.42, "none"), (0.64, "stubble"), (0.82, "full"), (0.92, "goatee"))
    return next((kind for limit, kind in kinds if percentile(z) < limit), "moustache")


def _iris(z: dict[str, float], melanin: float, asian: float) -> Rgb:
    if melanin > 0.36 or asian > 0.5:
        name = "dark" if z["iris"] < 0.6 else "brown"
    else:
        names = ("brown", "hazel", "green", "blue", "blue", "grey")
        name = names[min(5, int(percentile(z["iris"]) * 6))]
    return _rgb(IRIS_COLOURS[name] * (1 + 0.12 * z["iris_light"]))


def _glasses(z: dict[str, float], rng: np.random.Generator) -> tuple[float, float, int] | None:
    frame = int(rng.integers(3))
    return (z["glasses_width"], z["glasses_shape"], frame) if z["glasses"] > 1.25 else None


def _rgb(colour: Array) -> Rgb:
    red, green, blue = np.clip(colour, 0.004, 0.8).tolist()
    return red, green, blue
