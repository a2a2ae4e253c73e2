from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from edge.vision.budget import NARROWEST, ScanBudget

MS = 1_000_000
FRAME_NS = 5 * MS
ASPECT = 0.75


@dataclass
class Board:
    """A camera at 200 frames a second and a processor on which a search costs ``us_per_pixel``."""

    us_per_pixel: float
    share: float = 0.25
    interval_s: float = 0.2
    wanted: int = 1280
    cpu_ns: int = 0
    now_ns: int = 0
    searches: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.budget = ScanBudget(share=self.share, interval_s=self.interval_s, clock_ns=lambda: self.cpu_ns)

    def run(self, seconds: float) -> list[tuple[float, int]]:
        """Search whenever it is due; return when, in seconds, and how wide."""
        first, end_ns = len(self.searches), self.now_ns + int(seconds * 1e9)
        while self.now_ns < end_ns:
            self.search(self.budget.plan(self.wanted, ASPECT, self.now_ns).width)
            interval_s = self.budget.plan(self.wanted, ASPECT, self.now_ns).interval_s
            self.now_ns += math.ceil(interval_s * 1e9 / FRAME_NS) * FRAME_NS
        return self.searches[first:]

    def search(self, width: int) -> None:
        height = round(width * ASPECT)
        self.budget.begin()
        self.cpu_ns += int(self.us_per_pixel * width * height * 1000)
        self.budget.end(width, height, full_width=self.wanted, now_ns=self.now_ns)
        self.searches.append((self.now_ns / 1e9, width))
        self.cpu_ns += 7 * MS  # what is done besides is not counted


def spent(board: Board, searches: list[tuple[float, int]]) -> float:
    """Return seconds of the processor."""
    return sum(board.us_per_pixel * width * round(width * ASPECT) / 1e6 for _, width in searches)


def test_without_a_clock_every_search_is_as_wide_and_as_frequent_as_asked() -> None:
    budget = ScanBudget(share=0.01, interval_s=0.2)
    for index in range(5):
        plan = budget.plan(1280, ASPECT, index * 200 * MS)
        assert (plan.width, plan.interval_s) == (1280, 0.2)
        budget.begin()
        budget.end(1280, 960, full_width=1280, now_ns=index * 200 * MS)


def test_the_first_search_is_narrow_for_nothing_is_known_yet() -> None:
    board = Board(us_per_pixel=0.001)
    assert board.budget.plan(1280, ASPECT, 0).width == NARROWEST
    assert board.budget.plan(200, ASPECT, 0).width == 200
    board.search(NARROWEST)
    assert board.budget.plan(1280, ASPECT, 200 * MS).width == 1280


def test_a_fast_board_searches_as_wide_and_as_often_as_asked() -> None:
    searches = Board(us_per_pixel=0.01).run(20)[1:]
    assert {width for _, width in searches} == {1280}
    assert len(searches) == pytest.approx(100, abs=2)


def test_a_slower_board_searches_as_wide_but_less_often() -> None:
    board = Board(us_per_pixel=0.08)  # 98 ms at 1280, which at a quarter of the core is every 0.39 s
    searches = board.run(20)[1:]
    assert {width for _, width in searches} == {1280}
    assert len(searches) == pytest.approx(20 / 0.393, rel=0.05)


def test_a_slow_board_searches_less_wide_and_widely_now_and_then() -> None:
    board = Board(us_per_pixel=0.5)
    board.run(5)
    searches = board.run(60)
    narrow = [width for _, width in searches if width < 1280]
    wide = [at for at, width in searches if width == 1280]
    assert min(narrow) >= NARROWEST
    assert max(narrow) < 1280
    assert len(wide) >= 3, "far faces are found in time"
    assert len(narrow) > 2 * len(wide)
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(searches)]
    assert max(gaps) <= 0.6, "narrower rather than rarer"


def test_the_slowest_board_searches_narrowly_and_rarely() -> None:
    board = Board(us_per_pixel=8.0)
    board.run(10)
    searches = [width for _, width in board.run(120) if width < 1280]
    assert set(searches) == {NARROWEST}
    assert len(searches) < 120 / 0.6


def test_what_is_narrow_enough_is_never_made_narrower_and_has_the_whole_share() -> None:
    board = Board(us_per_pixel=8.0, wanted=240)
    searches = board.run(60)
    assert {width for _, width in searches} == {240}
    assert spent(board, searches) / 60 == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize(
    ("us_per_pixel", "share"), [(0.1, 0.1), (0.1, 0.25), (0.3, 0.25), (1.0, 0.1), (1.0, 0.25), (4.0, 0.25)]
)
def test_searches_take_their_share_of_a_core(us_per_pixel: float, share: float) -> None:
    board = Board(us_per_pixel=us_per_pixel, share=share)
    board.run(20)  # until the first wide search has been paid for
    searches = board.run(240)
    assert spent(board, searches) / 240 == pytest.approx(share, rel=0.1)


def test_a_board_that_becomes_slow_searches_less() -> None:
    board = Board(us_per_pixel=0.02)
    assert {width for _, width in board.run(10)[2:]} == {1280}
    board.us_per_pixel = 0.5  # as when it is too hot
    board.run(30)
    searches = board.run(120)
    assert spent(board, searches) / 120 == pytest.approx(0.25, rel=0.15)


def test_one_odd_search_does_not_change_the_plan_much() -> None:
    board = Board(us_per_pixel=0.08)
    board.run(10)
    before = board.budget.plan(1280, ASPECT, board.now_ns)
    board.us_per_pixel *= 1.5
    board.search(1280)
    after = board.budget.plan(1280, ASPECT, board.now_ns)
    assert before.interval_s < after.interval_s < 1.2 * before.interval_s


def test_the_first_search_counts_for_little_because_it_lays_out_memory() -> None:
    board = Board(us_per_pixel=5.0)
    board.search(NARROWEST)
    board.us_per_pixel = 0.01
    board.search(NARROWEST)
    assert board.budget.plan(1280, ASPECT, 0) == ScanBudget(share=1, interval_s=0.2).plan(1280, ASPECT, 0)


def test_searches_of_parts_put_off_the_next_whole_one() -> None:
    board = Board(us_per_pixel=0.1, interval_s=0.01)
    board.cpu_ns = 90 * MS
    for _ in range(2):
        board.search(320)
    interval_s = board.budget.plan(320, ASPECT, 0).interval_s
    assert interval_s == pytest.approx(0.1e-6 * 320 * 240 / 0.25)
    for spent_ms in (3, 5):
        board.budget.begin()
        board.cpu_ns += spent_ms * MS
        board.budget.spend()
    assert board.budget.plan(320, ASPECT, 0).interval_s == pytest.approx(interval_s + 0.008 / 0.25)
    board.search(320)
    assert board.budget.plan(320, ASPECT, 0).interval_s == pytest.approx(interval_s), "paid for"


def test_the_first_search_is_narrow_and_its_cost_does_not_count() -> None:
    board = Board(us_per_pixel=5.0, interval_s=0.01)
    assert board.budget.plan(1280, ASPECT, 0).width == NARROWEST
    board.search(NARROWEST)
    board.us_per_pixel = 0.01
    board.search(NARROWEST)
    assert board.budget.plan(1280, ASPECT, 0).interval_s == pytest.approx(0.01e-6 * 1280 * 960 / 0.25)
