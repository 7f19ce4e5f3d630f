"""Which of the experiment's methods are which of the paper's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from landslip.core.choices import Tta
from landslip.experiments.paper import PaperMethod
from landslip.experiments.results import MethodFacts, Results

_PREFERRED = ("resnet50", "resnet34", "resnet101", "resnet18")
_ENCODERS = {
    PaperMethod.TRANSFERRED: "resnet50",
    PaperMethod.LINKNET: "resnet50",
    PaperMethod.ALBUNET: "resnet34",
}

_PAPER_PAIRING = _ENCODERS[PaperMethod.ALBUNET], _ENCODERS[PaperMethod.TRANSFERRED]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedMethod:
    """The paper's method that one of the experiment represents; ``encoder`` is the paper's."""

    method: PaperMethod
    encoder: str | None
    exact: bool


def paper_method(facts: MethodFacts) -> PaperMethod | None:
    """Return the paper's method of the same network, whatever its encoder."""
    if facts.arch == "svm":
        return PaperMethod.SVM
    if facts.arch == "improved-unet":
        return PaperMethod.UNET
    if facts.arch == "albunet" and facts.transferred:
        return PaperMethod.ALBUNET
    if facts.arch == "linknet":
        return PaperMethod.TRANSFERRED if facts.transferred else PaperMethod.LINKNET
    return None


def printed_methods(results: Results) -> dict[str, PrintedMethod]:
    """Return the methods that the paper has scores for.

    Those with the paper's encoder, and without test-time augmentation, which the paper has not;
    where there is none, the first method of the same network.
    """
    printed: dict[str, PrintedMethod] = {}
    for role in PaperMethod:
        names = [name for name in results.methods if paper_method(results.methods[name]) is role]
        encoder = _ENCODERS.get(role)
        exact = [
            name
            for name in names
            if encoder in (None, results.methods[name].encoder)
            and results.methods[name].tta is Tta.NONE
            and _represents(results, name)
        ]
        for name in exact or names[:1]:
            printed[name] = PrintedMethod(method=role, encoder=encoder, exact=bool(exact))
    return printed


def proposed_method(results: Results) -> str | None:
    """Return the method that represents the paper's own: a LinkNet with a transferred encoder.

    The experiment's reference where it is one, else that with ResNet-50, -34, -101, -18 or any.
    """
    names = [name for name, facts in results.methods.items() if _is_transferred_linknet(facts)]
    if results.reference in names:
        return results.reference
    for encoder in _PREFERRED:
        for name in names:
            if results.methods[name].encoder == encoder:
                return name
    return names[0] if names else None


def transfer_pairs(results: Results) -> list[tuple[str, str]]:
    """Return pairs of methods (transferred, not) of one network and encoder, by depth.

    Where several differ in their first layer only, the reference or else the first one is taken.
    """
    pairs = []
    for name, facts in results.methods.items():
        if facts.encoder is None or not facts.transferred or not _represents(results, name):
            continue
        plain = facts.model_copy(update={"transferred": False})
        pairs += [(name, other) for other in _representatives(results, plain)]

    def rank(pair: tuple[str, str]) -> tuple[bool, str, int]:
        facts = results.methods[pair[0]]
        return facts.arch != "linknet", facts.arch, encoder_depth(facts.encoder)

    return sorted(pairs, key=rank)


def opponents(results: Results, name: str) -> list[str]:
    """Return the transferred LinkNets that a method is fairly compared with.

    A network with a transferred encoder meets the LinkNet with the same one, and AlbuNet with
    ResNet-34 the proposed one with ResNet-50 as well, as in the paper; what has no transferred
    encoder meets the proposed one.
    """
    facts, leading = results.methods[name], proposed_method(results)
    if leading is None:
        return []
    if facts.encoder is None or not facts.transferred:
        return [leading]
    names = list(_representatives(results, facts.model_copy(update={"arch": "linknet"})))
    pairing = facts.encoder, results.methods[leading].encoder
    if facts.arch == "albunet" and pairing == _PAPER_PAIRING:
        names.insert(0, leading)
    return list(dict.fromkeys(names))


def encoders_differ(one: MethodFacts, other: MethodFacts) -> bool:
    """Whether both have an encoder and not the same."""
    return None not in (one.encoder, other.encoder) and one.encoder != other.encoder


def linknets_by_depth(results: Results) -> list[str]:
    """Return the transferred LinkNets by depth of their encoder, tested as the proposed one is."""
    leading = proposed_method(results)
    names = [
        name
        for name, facts in results.methods.items()
        if leading is not None
        and _is_transferred_linknet(facts)
        and facts.tta is results.methods[leading].tta
        and encoder_depth(facts.encoder)
        and _represents(results, name)
    ]
    return sorted(names, key=lambda name: encoder_depth(results.methods[name].encoder))


def first_layer_variants(results: Results) -> list[str]:
    """Return methods that differ only in the initialisation of the first layer, if several."""
    leading = proposed_method(results)
    if leading is None:
        return []
    facts = results.methods[leading]
    like = [name for name, other in results.methods.items() if _same_network(facts, other)]
    kinds = {results.methods[name].first_layer for name in like}
    return like if len(kinds) > 1 else []


def encoder_depth(encoder: str | None) -> int:
    """Return the number of layers that an encoder's name states; 0 where it states none."""
    match = re.fullmatch(r"resnet(\d+)", encoder or "")
    return int(match[1]) if match else 0


def encoder_label(encoder: str | None) -> str:
    """Return an encoder's display name."""
    return re.sub(r"^resnet(\d+)", r"ResNet-\1", encoder or "none")


def _is_transferred_linknet(facts: MethodFacts) -> bool:
    return facts.arch == "linknet" and facts.transferred


def _same_network(one: MethodFacts, other: MethodFacts) -> bool:
    fields = ("arch", "encoder", "transferred", "tta")
    return all(getattr(one, name) == getattr(other, name) for name in fields)


def _representatives(results: Results, wanted: MethodFacts) -> Iterator[str]:
    """Yield the method that represents a network, if there is one."""
    for name, other in results.methods.items():
        if _same_network(wanted, other) and _represents(results, name):
            yield name


def _represents(results: Results, name: str) -> bool:
    """Whether a method represents those that differ only in their first layer."""
    facts = results.methods[name]
    like = [other for other, one in results.methods.items() if _same_network(facts, one)]
    return name == (results.reference if results.reference in like else like[0])
