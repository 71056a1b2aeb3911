"""What a network's classes are called."""

from splitwire.models.load import Model

IMAGENET_CLASSES = 1000


def class_names(model: Model) -> list[str]:
    """The names of a network's classes in order; empty where nobody knows them.

    A network of a thousand classes is taken for one of ImageNet-1k, whose names timm carries. A
    user's own file may hold anything, and has no names here.
    """
    shapes = [tuple(node.meta["val"].shape) for node in model.graph.outputs]
    if shapes != [(1, IMAGENET_CLASSES)] or ".py:" in model.name:
        return []
    from timm.data.imagenet_info import ImageNetInfo

    known = ImageNetInfo()
    return [known.index_to_description(i).split(",")[0] for i in range(IMAGENET_CLASSES)]
