"""A model's file in ONNX's format, run by onnxruntime on the processor: what a probe calls. Nothing else of memfit."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TYPES = {
    "tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64", "tensor(int64)": "int64",
    "tensor(int32)": "int32", "tensor(int8)": "int8", "tensor(uint8)": "uint8", "tensor(bool)": "bool",
}  # fmt: skip
RUNS = 3  # the first finds out what lies where, later ones use it


class OnnxRun:
    """A session, and a few runs on zeros of a batch.

    Args:
        path: of the file.
        sides: by name, of the inputs' sides that the file leaves open; the first side of an input is the batch.
    """

    def __init__(self, path: str, sides: dict[str, int]) -> None:
        self.path, self.sides = path, sides

    def __call__(self, batch: int) -> None:
        """Open the model and run it.

        Raises:
            ValueError: a side that is neither told nor the batch, or an input that is no tensor of numbers.
        """
        import onnxruntime  # type: ignore[import-not-found]

        session = onnxruntime.InferenceSession(self.path, providers=["CPUExecutionProvider"])
        given = {each.name: self._zeros(each, batch) for each in session.get_inputs()}
        for _ in range(RUNS):
            session.run(None, given)

    def _zeros(self, given: Any, batch: int) -> Any:
        import numpy

        kind = _TYPES.get(given.type)
        if kind is None:
            raise ValueError(f"its input {given.name} is a {given.type}: no zeros can be made of that")
        shape = []
        for place, side in enumerate(given.shape):
            if isinstance(side, int):
                shape.append(side)
            elif side in self.sides:
                shape.append(self.sides[side])
            elif place == 0:
                shape.append(batch)
            else:
                raise ValueError(
                    f"its input {given.name} leaves the side {side or place!r} open: --dim {side}=N tells it"
                )
        return numpy.zeros(shape, kind)
