from __future__ import annotations

import numpy as np

from edge.core.types import Box
from edge.vision.motion import Motion

MS = 1_000_000
WALL = np.tile(np.linspace(60, 160, 320, dtype=np.float32), (240, 1))


def picture(box: tuple[int, int, int] | None = None, *, light: float = 0.0, seed: int | None = None) -> np.ndarray:
    image = WALL + light
    if seed is not None:
        image = image + np.random.default_rng(seed).normal(0, 4, image.shape)
    if box is not None:
        x, y, side = box
        image = image.copy()
        image[y : y + side, x : x + side] = 230
    levels: np.ndarray = np.clip(image, 0, 255).astype(np.uint8)
    return levels


def seen(*pictures: np.ndarray) -> Motion:
    motion = Motion()
    for index, image in enumerate(pictures):
        motion.update(image, index * 33 * MS)
    return motion


def test_a_newcomer_is_where_the_picture_changed() -> None:
    (region,) = seen(picture(), picture((100, 60, 48))).regions([], 24)
    assert region.iou(Box(100, 60, 48, 48)) > 0.6
    assert region.x <= 100
    assert region.x + region.width >= 148


def test_two_newcomers_are_two_regions_the_larger_first() -> None:
    both = picture((20, 20, 32))
    both[120:200, 200:280] = 10
    large, small = seen(picture(), both).regions([], 24)
    assert large.area > 2 * small.area


def test_noise_and_a_change_of_light_are_no_motion() -> None:
    assert seen(*(picture(seed=index) for index in range(20))).regions([], 24) == []
    assert seen(picture(), picture(light=40)).regions([], 24) == []


def test_what_belongs_to_a_known_face_and_what_is_too_small_is_left_out() -> None:
    motion = seen(picture(), picture((100, 60, 48)))
    assert motion.regions([Box(96, 56, 56, 56)], 24) == []
    assert motion.regions([], 80) == []
    assert motion.regions([Box(0, 0, 90, 240)], 24) != []


def test_the_edge_of_a_head_that_moves_is_no_newcomer() -> None:
    assert seen(picture((100, 60, 60)), picture((106, 60, 60))).regions([], 24) == []


def test_what_stays_becomes_part_of_the_room_and_so_does_what_was_looked_at() -> None:
    stays = picture((100, 60, 48))
    assert seen(picture(), *[stays] * 150).regions([], 24) == []
    motion = seen(picture(), stays)
    motion.settle(motion.regions([], 24)[0])
    motion.update(stays, 66 * MS)
    assert motion.regions([], 24) == []


def test_another_size_of_picture_begins_anew() -> None:
    motion = seen(picture())
    motion.update(np.zeros((120, 160), np.uint8), 33 * MS)
    assert motion.regions([], 24) == []
    motion.reset()
    motion.update(picture((100, 60, 48)), 66 * MS)
    assert motion.regions([], 24) == []
