import numpy as np

from faceref.synthetic.identity import draw_person
from faceref.synthetic.latent import draw_latent, generator
from faceref.synthetic.shot import MAX_PITCH, MAX_YAW, draw_shot

NAMES = ["l-eye-scale-incr", "mouth-angles-up", "nose-hump-incr"]


def test_generator_depends_on_every_part_of_the_key():
    keys = [(1, 2, 3), (1, 2, 4), (1, 3, 3), (2, 2, 3)]
    assert len({generator(*key).integers(1 << 60) for key in keys}) == len(keys)


def test_generator_is_pinned():
    assert generator(1, 2, "latent").integers(1 << 30) == 366060168


def test_person_and_shot_depend_on_nothing_but_their_numbers():
    first = draw_person(5, 7, NAMES), draw_shot(5, 7, 2)
    draw_latent.cache_clear()
    assert (draw_person(5, 7, NAMES), draw_shot(5, 7, 2)) == first
    assert draw_person(5, 8, NAMES) != first[0]
    assert draw_shot(5, 7, 3) != first[1]


def test_left_and_right_targets_come_in_pairs():
    shape = draw_person(1, 0, NAMES).shape
    assert set(shape) == {*NAMES, "r-eye-scale-incr"}


def test_every_third_person_is_a_relative():
    latents = [draw_latent(3, i, 400).shape for i in range(30)]
    likeness = np.corrcoef(latents)
    np.fill_diagonal(likeness, 0)
    for i in range(30):
        assert (likeness[i, :i].max(initial=0) > 0.4) == (i % 3 == 2)


def test_latents_keep_unit_variance_through_generations():
    traits = np.array([draw_latent(3, i, 1).traits for i in range(2, 600, 3)])
    assert abs(traits.std() - 1) < 0.05


def test_poses_stay_within_25_degrees_and_the_first_is_frontal():
    shots = [draw_shot(1, i, k) for i in range(60) for k in range(6)]
    assert max(abs(shot.yaw) for shot in shots) <= MAX_YAW + 1 <= 25
    assert max(abs(shot.pitch) for shot in shots) <= MAX_PITCH
    assert all(abs(shot.yaw) <= 1 and not shot.expression for shot in shots[::6])
