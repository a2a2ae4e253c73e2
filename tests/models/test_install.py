from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.errors import InputError, ModelError
from edge.inference.manifest import manifest_path, packaged_model
from edge.models import install
from edge.models.signature import make_key, sign
from edge.models.store import ModelStore, Pointer, model_in_use, models_dir

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import Config


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the trial run, which takes a second."""
    monkeypatch.setattr(install, "tried", lambda _model, _settings: "a runtime")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    pytest.importorskip("cryptography")
    (tmp_path / "maker").mkdir()
    make_key(tmp_path / "maker" / "anna")
    return tmp_path / "maker" / "anna"


def trust(config: Config, key: Path) -> None:
    config.model.keys.mkdir(exist_ok=True)
    public = key.with_name(key.name + ".pub")
    (config.model.keys / public.name).write_bytes(public.read_bytes())


def contents(folder: Path) -> list[str]:
    if not folder.exists():
        return []
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != ".lock")


def test_a_signed_model_is_tried_kept_and_used_next(config: Config, make_model: Any, key: Path) -> None:
    model = make_model()
    sign(model, key)
    trust(config, key)
    done = install.add(config, model)
    assert (done.signer, done.proven) == ("anna", False)
    assert "2." in done.runtime or "lite" in done.runtime
    assert model_in_use(config) == done.added.path
    assert done.added.path.read_bytes() == model.read_bytes()
    name = done.added.name
    assert contents(models_dir(config)) == [
        "current.json",
        name,
        f"{name}/mine.json",
        f"{name}/mine.sig",
        f"{name}/mine.tflite",
    ]
    assert ModelStore(models_dir(config)).pointer() == Pointer(current=name, previous=None, proven=False)


@pytest.mark.usefixtures("untried")
def test_without_a_signature_it_must_be_said(config: Config, make_model: Any) -> None:
    with pytest.raises(ModelError, match=r"is not signed.*--unsigned"):
        install.add(config, make_model())
    assert contents(models_dir(config)) == []
    assert install.add(config, make_model(), unsigned=True).signer is None


@pytest.mark.usefixtures("untried")
def test_a_signature_by_somebody_else_is_none(config: Config, make_model: Any, key: Path, tmp_path: Path) -> None:
    model = make_model()
    make_key(tmp_path / "mallory")
    sign(model, tmp_path / "mallory")
    with pytest.raises(ModelError, match="no key in"):
        install.add(config, model)
    trust(config, key)
    with pytest.raises(ModelError, match=r"none of the trusted keys \(anna\)"):
        install.add(config, model)
    assert contents(models_dir(config)) == []


@pytest.mark.usefixtures("untried")
def test_a_manifest_changed_after_signing_is_refused(config: Config, make_model: Any, key: Path) -> None:
    model = make_model()
    sign(model, key)
    trust(config, key)
    make_model(version="9.9")
    with pytest.raises(ModelError, match="none of the trusted keys"):
        install.add(config, model)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sha256": "0" * 64}, "expected sha256 000000000000…"),
        ({"labels": ["happy"]}, "expected labels"),
        ({"file": "other.tflite"}, "expected to describe"),
        ({"schema": 9}, "expected schema"),
    ],
)
@pytest.mark.usefixtures("untried")
def test_what_does_not_belong_together_is_refused(
    config: Config, make_model: Any, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as raised:
        install.add(config, make_model(**fields), unsigned=True)
    assert "\n" not in str(raised.value)
    assert ".adding-" not in str(raised.value)
    assert contents(models_dir(config)) == []


def test_a_model_that_fails_its_trial_changes_nothing(config: Config, make_model: Any) -> None:
    good = install.add(config, make_model(), unsigned=True)
    spoilt = make_model("spoilt", content=b"\x1c\0\0\0TFL3" + bytes(range(256)) * 40)
    before = contents(models_dir(config))
    with pytest.raises(ModelError, match="trial run"):
        install.add(config, spoilt, unsigned=True)
    assert contents(models_dir(config)) == before
    assert model_in_use(config) == good.added.path


@pytest.mark.usefixtures("untried")
def test_a_head_that_the_model_lacks_is_refused(config: Config, make_model: Any) -> None:
    model = make_model()
    fields = json.loads(manifest_path(model).read_text(encoding="utf-8"))
    fields["outputs"] = [output | {"certainty": None} for output in fields["outputs"] if output["head"] == "fer2013"]
    fields["refusal"] = None
    manifest_path(model).write_text(json.dumps(fields), encoding="utf-8")
    asked = config.model_copy(update={"model": config.model.model_copy(update={"head": "consensus"})})
    with pytest.raises(ModelError, match="no head 'consensus'"):
        install.add(asked, model, unsigned=True)


@pytest.mark.parametrize("missing", [".tflite", ".json"])
def test_a_missing_file_is_one_line(config: Config, make_model: Any, missing: str) -> None:
    model = make_model()
    model.with_suffix(missing).unlink()
    with pytest.raises(ModelError, match="there is no such file"):
        install.add(config, model, unsigned=True)


def test_a_device_file_is_not_read(config: Config, make_model: Any) -> None:
    model = make_model()
    model.unlink()
    os.mkfifo(model)
    with pytest.raises(ModelError, match="there is no such file"):
        install.add(config, model, unsigned=True)


@pytest.mark.usefixtures("untried")
def test_the_last_proven_model_is_the_one_to_go_back_to(config: Config, make_model: Any) -> None:
    store = ModelStore(models_dir(config))
    first = install.add(config, make_model("first"), unsigned=True).added.name
    second = install.add(config, make_model("second"), unsigned=True).added.name
    assert store.pointer() == Pointer(current=second, previous=None, proven=False)  # the first was never proven
    store.point(store.pointer().model_copy(update={"proven": True}))
    again = install.add(config, make_model("second"), unsigned=True)
    assert again.proven
    assert store.pointer().current == second
    install.add(config, make_model("first"), unsigned=True)
    assert store.pointer() == Pointer(current=first, previous=second, proven=False)


@pytest.mark.usefixtures("untried")
def test_removing_the_model_in_use_goes_back(config: Config, make_model: Any) -> None:
    store = ModelStore(models_dir(config))
    first = install.add(config, make_model("first"), unsigned=True).added
    store.point(Pointer(current=first.name))
    second = install.add(config, make_model("second"), unsigned=True).added
    assert install.remove(config, "second") == second
    assert model_in_use(config) == first.path
    install.remove(config, first.name)
    assert model_in_use(config) == packaged_model()
    assert contents(models_dir(config)) == ["current.json"]
    with pytest.raises(InputError, match="first: was not added; there are none"):
        install.remove(config, "first")


@pytest.mark.usefixtures("untried")
def test_removing_the_one_before_leaves_the_one_in_use(config: Config, make_model: Any) -> None:
    store = ModelStore(models_dir(config))
    first = install.add(config, make_model("first"), unsigned=True).added
    store.point(Pointer(current=first.name))
    second = install.add(config, make_model("second"), unsigned=True).added
    install.remove(config, "first")
    assert store.pointer() == Pointer(current=second.name, previous=None, proven=False)


@pytest.mark.parametrize("wanted", ["../etc", ".", "..", ".adding-1", "/etc"])
def test_names_do_not_lead_out_of_the_folder(config: Config, wanted: str) -> None:
    with pytest.raises(InputError, match="was not added"):
        install.remove(config, wanted)


@pytest.mark.usefixtures("untried")
def test_two_commands_do_not_get_in_each_others_way(config: Config, make_model: Any) -> None:
    with ModelStore(models_dir(config)).locked(), pytest.raises(InputError, match="wait until it has finished"):
        install.add(config, make_model(), unsigned=True)


@pytest.mark.usefixtures("untried")
def test_what_an_interrupted_command_left_is_swept(config: Config, make_model: Any) -> None:
    left = models_dir(config) / ".adding-0123"
    left.mkdir(parents=True)
    (left / "half.tflite").write_bytes(b"half")
    install.add(config, make_model(), unsigned=True)
    assert not left.exists()


@pytest.mark.usefixtures("untried")
def test_no_room_changes_nothing(config: Config, make_model: Any) -> None:
    import resource

    model = make_model()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(InputError, match="cannot be written"):
            install.add(config, model, unsigned=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert contents(models_dir(config)) == []


def test_a_pointer_that_cannot_be_read_is_the_packaged_model(config: Config) -> None:
    for spoilt in (b"", b"{", b'{"starts": -1}', b"\xff"):
        models_dir(config).mkdir(parents=True, exist_ok=True)
        (models_dir(config) / "current.json").write_bytes(spoilt)
        assert model_in_use(config) == packaged_model()
    (models_dir(config) / "current.json").write_text('{"current": "../../etc"}', encoding="utf-8")
    assert model_in_use(config) == packaged_model()
