"""Pass commands of the page to the device's loop and wait for their answers."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from edge.core.commands import Answer

if TYPE_CHECKING:
    from edge.core.commands import Command, CommandQueue

_ANSWER_S = 5.0


class CommandClient:
    """Used on the server's event loop; the answers come from the device's loop, on another thread."""

    def __init__(self, inbox: CommandQueue) -> None:
        self._inbox = inbox

    def offer(self, command: Command) -> None:
        """Hand over a command whose answer nobody waits for."""
        self._inbox.offer(command)

    async def ask(self, command: Command) -> Answer:
        """Return the answer to ``command``; an answer that does not come within seconds is an error too."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()

        def resolve(answer: Answer) -> None:
            if not future.done():
                future.set_result(answer)

        def answered(answer: Answer) -> None:
            with contextlib.suppress(RuntimeError):  # the server has stopped meanwhile
                loop.call_soon_threadsafe(resolve, answer)

        if not self._inbox.offer(command, answered):
            return Answer(error="too many requests wait already")
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await future
        except TimeoutError:
            return Answer(error="the device did not answer in time")
