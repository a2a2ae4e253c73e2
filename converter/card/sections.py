"""Parts of the card that depend on the models' heads and training data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.card import sentences, tables
from converter.card.markdown import code
from converter.datasets.published import FER2013
from converter.heads import HEADS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from converter.card.shipped import ShippedModel

ORDER = tuple(reversed(HEADS))
"""Order in the card: first the head that the device prefers."""
_FER2013 = """\
- **FER2013** (Goodfellow et al., 2013): faces collected from the web by search words, 48\N{MULTIPLICATION SIGN}48 grey, each labelled by few
  people, with errors; some are no photograph or no face. Published for research.
- **FER+** (Barsoum et al., 2016): ten crowd annotators' votes on the same pictures. Contempt, unknown and not-a-face
  votes are outside the seven; pictures that most annotators saw as no face teach the `consensus` head nothing."""  # noqa: E501 - lines of the card
_TWO_HEADS = """\
Each model has two heads over one trunk: `fer2013` gives FER2013's original label, for
comparison with published results; `consensus` gives what ten annotators would say (FER+), and is what the device uses.
A head's logits are divided by its temperature before the softmax."""
_CERTAINTY = """\
## As sure as people are

Faces that ten people disagree about should come out uncertain. Mean confidence of the `consensus` head, and how often it
gives the majority's emotion, by the share of the annotators' most frequent vote; below, the rank correlation (Spearman)
of the entropy of the votes and that of the prediction.

"""  # noqa: E501 - lines of the card
_WEB = """\
- Posed and exaggerated web pictures of frontal faces dominate the data. Old people, children and people outside the
  web's search results of 2013 are likely to be read worse."""
_OTHER = """\
- It can be no better than its data: people, cameras, light and ways of showing an emotion that the data lacks are
  likely to be read worse."""
_RESEARCH = """\
The weights were trained on research data that is not distributed with them; whether your use of a model so trained
needs more is for you to judge."""
_TERMS = """\
The data is not distributed with the weights; whether its terms allow your use of a model so trained is for you to
judge."""


def is_fer2013(models: Sequence[ShippedModel]) -> bool:
    """Return whether all models were trained on FER2013 as published, by their records or, without any, by name."""
    return all(
        found["published"] == FER2013 if (found := m.manifest.training.data) else m.manifest.data[0].startswith(FER2013)
        for m in models
    )


def heads(models: Sequence[ShippedModel]) -> list[str]:
    """Return the heads that any of the models has, in the order of the card."""
    return [head for head in ORDER if any(head in model.heads for model in models)]


def having(models: Sequence[ShippedModel], head: str) -> list[ShippedModel]:
    """Return the models that have ``head``."""
    return [model for model in models if head in model.heads]


def fields(models: Sequence[ShippedModel]) -> dict[str, str]:
    """Return the values of the card's template, by placeholder."""
    known, results = is_fer2013(models), models[0].results
    return {
        "caution": sentences.caution(results["split"], known=known),
        "heads": _heads_in_words(models) if not (known and len(heads(models)) == len(ORDER)) else _TWO_HEADS,
        "scores": "\n\n".join(
            f"### {code(head)}, against {_labels(models, head)}\n\n{tables.scores(having(models, head), head)}"
            for head in heads(models)
        ),
        "emotions": "\n\n".join(_emotions(having(models, head), head) for head in heads(models)),
        "confusion": "\n\n".join(
            f"{model.name}, {code(head)}:\n\n{tables.confusion(model, head)}"
            for model in models
            for head in ORDER
            if head in model.heads
        ),
        "mistakes": "\n\n".join(
            f"Most frequent mistakes, {code(head)} head:\n\n{sentences.mistakes(having(models, head), head)}"
            for head in heads(models)
        ),
        "reliability": _reliability(models, heads(models)[0]),
        "certainty": _certainty(having(models, "consensus")),
        "data": "\n".join(_data(models, known=known)) + f"\n\n{tables.data(results, known=known)}",
        "biases": _WEB if known else _OTHER,
        "terms": _RESEARCH if known else _TERMS,
    }


def _heads_in_words(models: Sequence[ShippedModel]) -> str:
    each = "; ".join(f"{model.name}: {', '.join(map(code, model.heads))}" for model in models)
    meaning = {
        "fer2013": "`fer2013` gives the label that the data has",
        "consensus": "`consensus` gives what annotators would vote, and is what the device reads where it is there",
    }
    meanings = "; ".join(meaning[head] for head in heads(models))
    return f"Heads: {each}. {meanings}. A head's logits are\ndivided by its temperature before the softmax."


def _labels(models: Sequence[ShippedModel], head: str) -> str:
    if head == "consensus":
        return "the FER+ majority"
    own = {having(models, head)[0].heads[head]["labels"]} - {"FER2013"}
    return f"{own.pop()} labels" if own else "the original labels"


def _emotions(models: Sequence[ShippedModel], head: str) -> str:
    return f"### {code(head)}\n\n{tables.emotions(models, head)}\n\n{sentences.rare(models, head)}"


def _reliability(models: Sequence[ShippedModel], head: str) -> str:
    table = tables.reliability(having(models, head), head)
    return f"{code(head)} head, confidence after temperature and how often it was right:\n\n{table}"


def _certainty(models: Sequence[ShippedModel]) -> str:
    return f"{_CERTAINTY}{tables.certainty(models)}\n\n" if models else ""


def _data(models: Sequence[ShippedModel], *, known: bool) -> Iterator[str]:
    """Yield the training data of the models and what is known of it, an item each."""
    results: Mapping[str, Any] = models[0].results
    if known:
        yield _FER2013
    else:
        yield from (f"- {line}" for line in dict.fromkeys(line for m in models for line in m.manifest.data))
    if results["data"]["with_majority"]:
        agreement = sentences.agreement(results, known=known)
        yield (
            f"- There is no truth here beyond what people say: {agreement}. That is why one head's figure never stands "
            "for the other's."
        )
    else:
        yield "- There is no truth here beyond what people say: the labels are those that came with the pictures."
    yield f"- {sentences.training_data(results, known=known)}"
