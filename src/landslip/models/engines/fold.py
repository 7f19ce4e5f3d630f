"""Batch norm folded into the convolutions before it, so that fewer passes over memory are made."""

from collections import Counter

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_CANNOT_TRACE = (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError)


def folded(network: nn.Module) -> nn.Module:
    """Return a network in evaluation mode that computes the same with fewer layers.

    A network whose course depends on its input cannot be traced, and comes back as it is.
    """
    try:
        traced = fx.symbolic_trace(network)
    except _CANNOT_TRACE:
        return network
    calls = Counter(str(node.target) for node in traced.graph.nodes)
    for node in list(traced.graph.nodes):
        norm = _module(traced, node)
        if isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None:
            source = node.args[0]
            if calls[str(source.target)] == len(source.users) == 1 and _fold(traced, source, norm):
                node.replace_all_uses_with(source)
                traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def _fold(traced: fx.GraphModule, source: fx.Node, norm: nn.BatchNorm2d) -> bool:
    """Put a batch norm into the layer before it; return whether that is possible."""
    layer = _module(traced, source)
    if isinstance(layer, nn.Conv2d):
        fused: nn.Module = fuse_conv_bn_eval(layer, norm)
    elif isinstance(layer, nn.ConvTranspose2d) and layer.groups == 1:
        fused = fuse_conv_bn_eval(layer, norm, transpose=True)
    else:
        return False
    traced.set_submodule(str(source.target), fused)
    return True


def _module(traced: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    return traced.get_submodule(str(node.target)) if node.op == "call_module" else None
