"""What a recorder is told of PyTorch jobs of many kinds, and that they compute the same."""

from __future__ import annotations

import pytest
from tests.integration.recording.conftest import Run

pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.slow]

SETUP = """
import torch, sys
torch.manual_seed(0)
torch.set_num_threads(1)
model = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.Dropout(0.1), torch.nn.Linear(32, 4))
loss_of = torch.nn.functional.cross_entropy
def batch():
    return torch.randn(8, 16), torch.randint(0, 4, (8,))
def fingerprint():
    print(sum(p.double().sum().item() for p in model.parameters()).hex(), torch.rand(1).item().hex())
"""
LOOP = """
for _ in range(20):
    x, y = batch()
    optimizer.zero_grad()
    loss_of(model(x), y).backward()
    optimizer.step()
fingerprint()
"""
WORKING = SETUP + "optimizer = torch.optim.AdamW(model.parameters())" + LOOP


def test_steps_and_backward_passes_are_counted(run: Run) -> None:
    """A plain loop: a step for each of the optimizer's, and the phases within."""
    marked = run(WORKING)

    assert (marked.code, marked.stderr, marked.notes) == (0, "", [])
    assert marked.counts == {"step": 20}
    assert marked.totals["backward"][0] == 20
    assert marked.totals["optimizer"][0] == 20
    assert marked.roles == [("trainer", None)]
    assert "torch" in marked.of("v")[0][2]


OPTIMIZERS = {
    "plain": "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)",
    "fused": "optimizer = torch.optim.AdamW(model.parameters(), fused=True)",
    "foreach": "optimizer = torch.optim.Adam(model.parameters(), foreach=True)",
    "made before": "optimizer = torch.optim.Adam(model.parameters()); optimizer.step()",
    "own class": """
class Own(torch.optim.Optimizer):
    def __init__(self, params):
        super().__init__(params, {"lr": 0.1})
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p -= p.grad * group["lr"]
optimizer = Own(model.parameters())
""",
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_kind_of_optimizer(run: Run, kind: str) -> None:
    """The job's numbers, its random numbers included, are the same to the last bit, and its steps are counted."""
    script = SETUP + OPTIMIZERS[kind] + LOOP

    marked, bare = run(script), run(script, marked=False)

    assert (marked.stdout, marked.stderr) == (bare.stdout, bare.stderr)
    assert marked.stdout
    assert marked.counts == {"step": 20 + (kind == "made before")}


def test_two_optimizers_in_one_loop(run: Run) -> None:
    """As in adversarial training: the first sets the pace, an iteration is not counted twice."""
    script = """
first = torch.optim.SGD(model[0].parameters(), lr=0.1)
second = torch.optim.SGD(model[2].parameters(), lr=0.1)
for _ in range(100):
    x, y = batch()
    loss_of(model(x), y).backward()
    first.step(); second.step()
"""
    assert run(SETUP + script).counts == {"step": 100}


def test_an_optimizer_that_replaces_another(run: Run) -> None:
    """The count goes on with the second, whether the first is freed or kept."""
    script = """
kept = torch.optim.SGD(model.parameters(), lr=0.1)
for optimizer in (kept, torch.optim.Adam(model.parameters())):
    for _ in range(200):
        loss_of(model(batch()[0]), batch()[1]).backward()
        optimizer.step()
"""
    assert 400 - 64 <= run(SETUP + script).counts["step"] <= 400


def test_an_optimizer_for_each_parameter_in_the_backward_pass(run: Run) -> None:
    """A step for each pass, not for each parameter."""
    script = """
by_parameter = {p: torch.optim.SGD([p], lr=0.1) for p in model.parameters()}
def step(p):
    by_parameter[p].step(); by_parameter[p].zero_grad()
for p in model.parameters():
    p.register_post_accumulate_grad_hook(step)
for _ in range(100):
    loss_of(model(batch()[0]), batch()[1]).backward()
"""
    assert run(SETUP + script).counts == {"step": 100}


def test_a_closure_is_one_step(run: Run) -> None:
    """LBFGS computes the loss many times in a step."""
    script = """
optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)
x, y = batch()
def closure():
    optimizer.zero_grad()
    loss = loss_of(model(x), y)
    loss.backward()
    return loss
for _ in range(10):
    optimizer.step(closure)
"""
    marked = run(SETUP + script)

    assert marked.counts == {"step": 10}
    assert marked.totals["backward"][0] > 10
    assert "optimizer" not in marked.totals


def test_a_closure_of_none_is_none(run: Run) -> None:
    """Wrappers of an optimizer pass None on where the job gave no closure: the step is a phase as always."""
    script = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(10):
    loss_of(model(batch()[0]), batch()[1]).backward()
    optimizer.step(None)
"""
    marked = run(SETUP + script)

    assert marked.counts == {"step": 10}
    assert marked.totals["optimizer"][0] == 10


def test_steps_that_the_scaler_skips(run: Run) -> None:
    """An iteration whose gradients are not finite counts too, and once."""
    script = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
for i in range(30):
    x, y = batch()
    loss = loss_of(model(x), y) * (float("inf") if i % 3 == 0 else 1.0)
    scaler.scale(loss).backward()
    scaler.step(optimizer); scaler.update(); optimizer.zero_grad()
"""
    assert run(SETUP + script).counts == {"step": 30}


def test_accumulated_gradients(run: Run) -> None:
    """Four passes to a step are four passes and one iteration."""
    script = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for i in range(40):
    loss_of(model(batch()[0]), batch()[1]).backward()
    if i % 4 == 3:
        optimizer.step(); optimizer.zero_grad()
"""
    marked = run(SETUP + script)

    assert marked.counts["step"] == 10
    assert marked.totals["backward"][0] == 40


def test_updates_by_hand(run: Run) -> None:
    """Without an optimizer the passes are counted, under their own name."""
    script = """
for i in range(40):
    loss_of(model(batch()[0]), batch()[1]).backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= 0.1 * p.grad
            p.grad = None
"""
    counts = run(SETUP + script).counts

    assert set(counts) == {"backward"}
    assert counts["backward"] >= 30


def test_checkpointed_layers_run_again_within_the_pass(run: Run) -> None:
    """Activation checkpointing calls backward within backward: it is one pass."""
    script = """
from torch.utils.checkpoint import checkpoint
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for i in range(10):
    x, y = batch()
    hidden = checkpoint(model[0], x.requires_grad_(), use_reentrant=True)
    loss_of(model[2](hidden), y).backward()
    optimizer.step()
"""
    assert run(SETUP + script).totals["backward"][0] == 10


def test_a_compiled_step_compiles_as_without_us(run: Run) -> None:
    """torch.compile sees no break in the graph that is ours, and the job computes the same."""
    script = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
step = torch.compile(optimizer.step, backend='eager')
for _ in range(12):
    loss_of(model(batch()[0]), batch()[1]).backward()
    step(); optimizer.zero_grad()
fingerprint()
from torch._dynamo.utils import counters
print(counters["stats"]["unique_graphs"], dict(counters["graph_break"]))
"""
    marked, bare = run(SETUP + script), run(SETUP + script, marked=False)

    assert (marked.stdout, marked.code) == (bare.stdout, 0)
    assert sum(marked.counts.values()) >= 4


def test_a_compiled_model(run: Run) -> None:
    """A compiled model in an ordinary loop."""
    script = SETUP + "model = torch.compile(model, backend='aot_eager')\n"
    script += "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)" + LOOP

    marked, bare = run(script), run(script, marked=False)

    assert (marked.stdout, marked.code) == (bare.stdout, 0)
    assert marked.counts == {"step": 20}


EVALUATION = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
teacher = torch.nn.Linear(4, 4)
for epoch in range(3):
    model.train()
    for _ in range(5):
        teacher.eval()
        loss_of(model(batch()[0]), batch()[1]).backward(); optimizer.step()
    {begin}
    with torch.no_grad():
        model(batch()[0])
    {end}
"""


@pytest.mark.parametrize("end", ["", "model.train()", "for m in model.modules(): m.training = True"])
def test_evaluations(run: Run, end: str) -> None:
    """From eval() of what is trained until its training goes on; a teacher's eval() is none."""
    marked = run(SETUP + EVALUATION.format(begin="model.eval()", end=end))

    begun, ended = ([line[2] for line in marked.of(kind)] for kind in "be")
    assert begun.count("evaluation") == 3
    assert ended.count("evaluation") == 3


def test_checkpoints(run: Run) -> None:
    """torch.save is a phase, under either of its names, and an error in it is the job's."""
    script = """
from torch import save
import io
torch.save(model.state_dict(), io.BytesIO())
save(model.state_dict(), io.BytesIO())
torch.serialization.save(model.state_dict(), io.BytesIO())
try:
    torch.save(model, "/nowhere/x.pt")
except RuntimeError as error:
    print("failed as ever")
"""
    marked = run(SETUP + script)

    assert marked.stdout == "failed as ever\n"
    assert [line[2] for line in marked.of("e")] == ["checkpoint"] * 4


LOADER = """
from torch.utils.data import DataLoader, TensorDataset
if __name__ == "__main__":
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = TensorDataset(torch.randn(64, 16), torch.randint(0, 4, (64,)))
    context = {context!r}
    loader = DataLoader(data, batch_size=8, shuffle=True, num_workers=2 if context else 0,
                        multiprocessing_context=context or None)
    for x, y in loader:
        optimizer.zero_grad(); loss_of(model(x), y).backward(); optimizer.step()
    fingerprint()
"""


@pytest.mark.parametrize("context", ["", "fork", "spawn", "forkserver"])
def test_data_loaders_and_their_workers(run: Run, context: str) -> None:
    """Waiting for data is a phase, and workers say what they are, however they are started."""
    script = SETUP + LOADER.format(context=context)

    marked, bare = run(script), run(script, marked=False)

    assert (marked.stdout, marked.stderr) == (bare.stdout, bare.stderr)
    assert marked.totals["data"][0] == 9
    workers = [("loader worker", None)] * (2 if context else 0)
    assert marked.roles == [*workers, ("trainer", None)]


def test_ranks_of_torchrun(run: Run) -> None:
    """Two ranks and their launcher, each with its role."""
    script = """
import os, sys, torch
if "RANK" not in os.environ:
    import torch.distributed.run
    torch.distributed.run.main(["--nproc-per-node", "2", "--standalone", __file__])
    sys.exit()
torch.distributed.init_process_group("gloo")
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(5):
    model(torch.randn(2, 4)).sum().backward()
    optimizer.step()
torch.distributed.destroy_process_group()
"""
    marked = run(script)

    assert marked.code == 0, marked.stderr
    assert marked.roles == [("launcher", None), ("trainer", 0), ("trainer", 1)]
    assert marked.counts == {"step": 10}


def test_a_transformers_trainer(run: Run) -> None:
    """Its steps, evaluations and checkpoints, seen from below."""
    pytest.importorskip("transformers")
    script = """
import torch, transformers
class Data(torch.utils.data.Dataset):
    def __len__(self): return 32
    def __getitem__(self, i): return {"input_ids": torch.arange(8) + i, "labels": torch.arange(8) + i}
config = transformers.GPT2Config(n_layer=1, n_head=2, n_embd=16, vocab_size=64, n_positions=16)
arguments = transformers.TrainingArguments(
    "out", per_device_train_batch_size=4, num_train_epochs=2, eval_strategy="epoch", save_strategy="epoch",
    report_to=[], use_cpu=True, logging_strategy="no", disable_tqdm=True)
model = transformers.GPT2LMHeadModel(config)
transformers.Trainer(model, arguments, train_dataset=Data(), eval_dataset=Data()).train()
"""
    marked = run(script)

    assert marked.code == 0, marked.stderr
    assert marked.counts == {"step": 16}
    begun = [line[2] for line in marked.of("b")]
    assert begun.count("evaluation") == 2
    assert begun.count("checkpoint") >= 4


def test_a_lightning_trainer(run: Run) -> None:
    """Its optimizer steps take a closure: a step is still one step, and validation is an evaluation."""
    pytest.importorskip("lightning")
    script = """
import lightning, torch, warnings
warnings.simplefilter("ignore")
class Job(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, index): return self.layer(batch).mean()
    def validation_step(self, batch, index): self.layer(batch)
    def configure_optimizers(self): return torch.optim.Adam(self.parameters())
loader = torch.utils.data.DataLoader(torch.randn(32, 4), batch_size=4)
trainer = lightning.Trainer(max_epochs=2, accelerator="cpu", logger=False, enable_progress_bar=False,
                            enable_model_summary=False)
trainer.fit(Job(), loader, loader)
"""
    marked = run(script)

    assert marked.code == 0, marked.stderr
    assert marked.counts == {"step": 16}
    assert [line[2] for line in marked.of("b")].count("evaluation") >= 1
    assert "checkpoint" in marked.totals


def test_an_accelerate_loop(run: Run) -> None:
    """Its wrapped optimizer, with accumulated gradients: an iteration is a real step."""
    pytest.importorskip("accelerate")
    script = """
from accelerate import Accelerator
from torch.utils.data import DataLoader, TensorDataset
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
data = DataLoader(TensorDataset(torch.randn(64, 16), torch.randint(0, 4, (64,))), batch_size=8)
model, optimizer, data = accelerator.prepare(model, optimizer, data)
for x, y in data:
    with accelerator.accumulate(model):
        accelerator.backward(loss_of(model(x), y))
        optimizer.step(); optimizer.zero_grad()
"""
    marked = run(SETUP + script)

    assert marked.code == 0, marked.stderr
    assert marked.counts == {"step": 4}
