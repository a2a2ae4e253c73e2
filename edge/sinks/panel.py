"""The panel on the device: a button that pauses and starts sessions, a status light and a buzzer.

It is a sink, since it shows the messages of the main loop; button presses go to the loop like any other request and
work while the camera or the network is unavailable.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from edge.core.commands import SetPrivacy, StartSession, StopSession
from edge.core.events import CameraStatus, Privacy, RunningSession
from edge.core.sink_base import BaseSink
from edge.sinks.gpio import gpio_errors, open_leds, pin_factory

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import PanelConfig
    from edge.core.commands import CommandQueue
    from edge.core.events import Message

_NAME = "panel"
_WINK = (1.8, 0.2)
"""Seconds on and off while a session runs."""
_SLOW = (0.1, 1.9)
"""Seconds on and off while paused."""
_FAST = (0.2, 0.2)
"""Seconds on and off while the camera is unavailable."""
_BEEPS = {"paused": (0.4, 1), "looking": (0.1, 1), "started": (0.1, 2), "stopped": (0.1, 3)}
"""Duration in seconds and number of beeps."""


class PanelSink(BaseSink):
    """Button, light and buzzer, each if it has a pin; ``handle`` and the button's callbacks run on two threads.

    ``clock`` returns monotonic seconds.
    """

    name = _NAME
    accepts: tuple[type, ...] = (Privacy, RunningSession, CameraStatus)

    def __init__(
        self, config: PanelConfig, inbox: CommandQueue, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._clock = clock
        self._inbox = inbox
        self._parts = ExitStack()
        self._light: Any = None
        self._buzzer: Any = None
        self._was_long = False
        self._pressed_s = 0.0
        self._paused: bool | None = None
        self._session: bool | None = None
        self._camera = CameraStatus.ONLINE

    def open(self) -> None:
        """Open the pins.

        Raises:
            SinkError: a pin is wrong, busy or not permitted.
            HardwareUnavailable: there is no GPIO here, or the package to drive it is missing.
        """
        self.close()
        with ExitStack() as opened:
            if self._config.light is not None:
                self._light = self._open_light(opened, self._config.light)
            if self._config.buzzer is not None:
                self._buzzer = self._open_buzzer(opened, self._config.buzzer)
            if self._config.button is not None:
                self._open_button(opened, self._config.button)
            self._parts = opened.pop_all()
        self._shine()

    def handle(self, message: Message) -> None:
        """Show the state of the device; the first message of each kind is not a change and makes no sound."""
        if isinstance(message, CameraStatus):
            self._camera = message
        elif isinstance(message, Privacy):
            if self._paused is not None and message.on != self._paused:
                self._beep("paused" if message.on else "looking")
            self._paused = message.on
        elif isinstance(message, RunningSession):
            runs = message.session is not None
            if self._session is not None and runs != self._session:
                self._beep("started" if runs else "stopped")
            self._session = runs
        self._shine()

    def close(self) -> None:
        """Switch light and buzzer off and release the pins; idempotent."""
        self._parts.close()
        self._light = self._buzzer = None

    def _open_light(self, opened: ExitStack, pin: int) -> Any:
        light = open_leds(_NAME, {"light": pin}, active_high=self._config.active_high)["light"]
        return opened.enter_context(light)

    def _open_buzzer(self, opened: ExitStack, pin: int) -> Any:
        from gpiozero import Buzzer

        with gpio_errors(f"{_NAME}: GPIO{pin} (buzzer)"):
            return opened.enter_context(Buzzer(pin, pin_factory=pin_factory(_NAME)))

    def _open_button(self, opened: ExitStack, pin: int) -> None:
        from gpiozero import Button

        config = self._config
        with gpio_errors(f"{_NAME}: GPIO{pin} (button)"):
            button: Any = opened.enter_context(
                Button(pin, hold_time=config.long_press_s, pin_factory=pin_factory(_NAME))
            )
            button.when_pressed = self._pressed
            button.when_held = self._held
            button.when_released = self._released

    def _pressed(self) -> None:
        self._was_long = False
        self._pressed_s = self._clock()

    def _held(self) -> None:
        self._was_long = True
        self._inbox.offer(StopSession() if self._session else StartSession())

    def _released(self) -> None:
        # a bouncing contact closes only briefly; not every pin driver filters that
        if not self._was_long and self._clock() - self._pressed_s >= self._config.debounce_s:
            self._inbox.offer(SetPrivacy())

    def _shine(self) -> None:
        if self._light is None:
            return
        with gpio_errors(f"{_NAME}: light"):
            if self._paused:
                self._light.blink(*_SLOW)
            elif self._camera is CameraStatus.OFFLINE:
                self._light.blink(*_FAST)
            elif self._session:
                self._light.blink(*_WINK)
            else:
                self._light.on()

    def _beep(self, what: str) -> None:
        if self._buzzer is None:
            return
        seconds, times = _BEEPS[what]
        with gpio_errors(f"{_NAME}: buzzer"):
            self._buzzer.beep(seconds, seconds, times)
