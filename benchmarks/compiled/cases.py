"""The jobs of JAX, Keras and TensorFlow: which script with which arguments, on which backend, in which half.

The halves were fixed before anything was predicted. In the judging half are other models (MobileNet for ResNet, GRU for
LSTM, a causal decoder for an encoder, a VAE for a U-Net), other widths, other optimizers. Each model's three batch
sizes go round over the backends. No job ever changes its half.
"""

from __future__ import annotations

from dataclasses import dataclass

HALVES = ("tuning", "judging")
STEPS = 32
SCRIPTS = "benchmarks/compiled/jobs"
FLAVOURS = ("jax", "keras-jax", "keras-torch", "keras-tensorflow", "tensorflow")
IN_EQUINOX = ("gru", "decoder", "vae")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One job.

    Args:
        flavour: of ``FLAVOURS``: the framework, and for Keras its backend.
        family: the kind of model.
        half: "tuning" or "judging".
        model, width, batch, optimizer: arguments of the script.
    """

    flavour: str
    family: str
    half: str
    model: str
    width: int
    batch: int
    optimizer: str

    @property
    def name(self) -> str:
        """Unique, and stable: the key of the data files."""
        return f"{self.flavour}/{self.model}-w{self.width}-b{self.batch}-{self.optimizer}"

    @property
    def script(self) -> str:
        """The file, from the repository's root."""
        if self.flavour == "jax":
            return f"{SCRIPTS}/{'equinox' if self.model in IN_EQUINOX else 'flax'}_train.py"
        return f"{SCRIPTS}/{'tf_function' if self.flavour == 'tensorflow' else 'keras_fit'}.py"

    @property
    def words(self) -> list[str]:
        """The script with its arguments."""
        options = {"width": self.width, "batch": self.batch, "steps": STEPS, "optimizer": self.optimizer}
        return [self.script, self.model, *(part for key, value in options.items() for part in (f"--{key}", str(value)))]

    @property
    def environment(self) -> dict[str, str]:
        """Keras's choice of a backend, and a quiet TensorFlow."""
        backend = self.flavour.removeprefix("keras-")
        chosen = {"KERAS_BACKEND": backend} if self.flavour.startswith("keras-") else {}
        return {"TF_CPP_MIN_LOG_LEVEL": "3", **chosen}


# family, half, model, width, three batch sizes, optimizer (a tf.function has SGD for RMSprop, Adam for AdamW)
_TABLE = """
mlp          tuning   mlp        2048  64,256,1024  adam
mlp          judging  mlp        1536  96,384,1280  rmsprop
cnn          tuning   cnn        16    16,32,48     adam
cnn          judging  cnn        20    12,24,40     sgd
resnet       tuning   resnet     32    32,64,96     adam
resnet       judging  mobilenet  24    16,32,48     rmsprop
recurrent    tuning   lstm       192   32,64,128    adam
recurrent    judging  gru        128   48,96,160    adamw
transformer  tuning   encoder    192   16,32,64     adam
transformer  judging  decoder    192   8,12,16      adamw
unet-vae     tuning   unet       12    8,12,16      sgd
unet-vae     judging  vae        16    32,64,96     adam
"""
_IN_TENSORFLOW = {"rmsprop": "sgd", "adamw": "adam"}


def _read() -> dict[str, Case]:
    found = []
    for row, line in enumerate(_TABLE.strip().splitlines()):
        family, half, model, width, sizes, optimizer = line.split()
        batches = [int(size) for size in sizes.split(",")]
        for column, flavour in enumerate(FLAVOURS):
            chosen = _IN_TENSORFLOW.get(optimizer, optimizer) if flavour == "tensorflow" else optimizer
            turn = row + column
            places = {turn % 3, (turn + 1) % 3} if row == 1 else {turn % 3}
            for place in sorted(places):
                found.append(
                    Case(flavour=flavour, family=family, half=half, model=model, width=int(width),
                         batch=batches[place], optimizer=chosen)
                )  # fmt: skip
    return {case.name: case for case in found}


CASES: dict[str, Case] = _read()
