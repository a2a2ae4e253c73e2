from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.diagnostics import confinement
from edge.diagnostics.finding import Status
from edge.sandbox.confine import why_not

if TYPE_CHECKING:
    from edge.sandbox.probe import Outcome


@pytest.mark.skipif(bool(why_not()), reason=f"no confinement here: {why_not()}")
def test_a_machine_that_confines_is_well() -> None:
    assert confinement.confinement().status is Status.OK


def test_a_machine_that_cannot_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "why_not", lambda: "libseccomp.so.2 is not installed")
    found = confinement.confinement()
    assert found.status is Status.WARN
    assert "libseccomp.so.2 is not installed" in found.message
    assert "apt-get install libseccomp2" in found.remedy


@pytest.mark.skipif(bool(why_not()), reason=f"no confinement here: {why_not()}")
def test_one_that_lets_through_what_it_should_refuse_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.sandbox.probe import probe as real

    def probe(code: str, *arguments: str, **given: object) -> Outcome:
        return real(code.replace("confine(socket", "(lambda line: None)(socket"), *arguments, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(confinement, "probe", probe)
    assert "not" in confinement.confinement().message
    assert confinement.confinement().status is Status.WARN
