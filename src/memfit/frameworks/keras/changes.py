"""Changes to a Keras job, made as soon as it has imported Keras; the script stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

POLICY = "keras_policy"


def install(keras: Any, changes: Mapping[str, Any]) -> None:
    """Make them.

    Args:
        keras: the module.
        changes: "keras_policy", the name of a dtype policy.
    """
    if POLICY in changes:
        keras.config.set_dtype_policy(changes[POLICY])
