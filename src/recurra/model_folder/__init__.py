"""A trained model as one folder: whole, checked, never unpickled. Nothing heavy is imported until it is used."""

from recurra.model_folder.content import Content, Kept, Tensors
from recurra.model_folder.folder import ModelFolder, add, read, use, write
from recurra.model_folder.header import Form
from recurra.model_folder.manifest import FORMAT_VERSION
from recurra.model_folder.swap import check_target

__all__ = [
    "FORMAT_VERSION",
    "Content",
    "Form",
    "Kept",
    "ModelFolder",
    "Tensors",
    "add",
    "check_target",
    "read",
    "use",
    "write",
]
