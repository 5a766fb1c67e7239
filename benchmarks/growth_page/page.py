"""docs/does-memory-grow.md as Markdown: plain text around the figures of the kept recordings, no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.growth_page.cases import CASES
from benchmarks.growth_page.figures import added, end, held_peak, holding, judged, rate, size, start, verdict

All = Mapping[str, Mapping[str, Any]]

PICTURES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "linear": ("Activations and gradients: a linear model with SGD", ("linear-large", "linear-as-written")),
    "adam": ("Optimizer state: the same loop with Adam and with SGD", ("adam", "adam-not")),
    "checkpoints": (
        "Checkpoints every 20 iterations",
        ("checkpoint-file", "checkpoint-buffer", "checkpoint-history"),
    ),
    "metrics": ("What is logged in every iteration", ("metrics-floats", "metrics-loss")),
    "graph": ("A validation loss that is kept with its graph", ("metrics-graph",)),
    "batches": ("Batch size and accumulation", ("batch-large", "batch-small", "batch-accumulated")),
    "files": ("A file of 195 MiB", ("data-memory", "data-mapped", "data-mapped-anew")),
    "workers": ("Two forked loader workers", ("data-list-workers", "data-array-workers")),
}


def sections(data: All, swapping: Mapping[str, Any], environment: Mapping[str, Any]) -> Iterator[str]:
    """The page, part by part."""
    yield opening(data)
    yield table(data)
    for part in (activations, optimizer, checkpoints, logging, batches, loading):
        yield part(data)
    yield swap(swapping)
    yield corrections(data)
    yield again(environment)


def opening(data: All) -> str:
    """The title, and its answer."""
    leaks = {name: judged(data[name])["is_leak"] for name in CASES}
    benign, wrong = ([name for name, case in CASES.items() if case.leaks is kept] for kept in (False, True))
    called, untold = ([name for name in benign if leaks[name] is verdict] for verdict in (True, None))
    leaking = [name for name in wrong if leaks[name]]
    worst = max(leaking, key=lambda name: rate(judged(data[name])))
    return f"""# Does the memory of a training job grow with its iterations?

**No.** It rises while the first iterations set things up, and then it stays where it is, unless the program keeps
something of every iteration. Of {len(benign)} programs that keep nothing, {len(called)} were called a leak and
{len(untold)} could not be told in so short a run; of {len(wrong)} that keep something, {len(leaking)} were found. The
fastest grew by {size(rate(judged(data[worst])))} per iteration: losses that were kept with their activations. A high
level, peaks, and a rise that ends are no growth.

*Written by `python -m benchmarks.growth_page.make` from the recordings in `benchmarks/growth_page/data`. The
programs are in [examples/memory_over_iterations](../examples/memory_over_iterations); each was recorded by `memfit
run` and judged by `memfit diagnose`. What the verdicts mean stands in [diagnosis.md](diagnosis.md).*
"""


def table(data: All) -> str:
    """One row a program."""
    lines = [
        "| program | what | iterations | before | first tenth | last tenth | peak | verdict |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, case in CASES.items():
        if case.leaks is None:
            continue
        one = data[name]
        figures = [size(one["before_bytes"]), size(start(one)), size(end(one)), size(held_peak(one))]
        program = "`" + " ".join(case.words) + "`"
        lines.append("| " + " | ".join([program, case.what, str(one["iterations"]), *figures, verdict(one)]) + " |")
    return (
        "\n".join(lines)
        + "\n\nResident memory: before the first iteration, the median at the ends of the first and of "
        "the last tenth of the iterations (of the main process), and the peak (of all processes together, shared pages "
        "counted once). Part of a first iteration's rise is PyTorch's own: code that is loaded when it is first used.\n"
    )


def curve(name: str) -> str:
    """The picture as the page shows it."""
    title, _ = PICTURES[name]
    return f"![{title}](does-memory-grow/{name}.svg)\n"


def seen(data: All, *names: str) -> str:
    """What the diagnosis said of each, in its own words."""
    return "".join(f"- {CASES[name].what}: {judged(data[name])['evidence']}.\n" for name in names)


def activations(data: All) -> str:
    """Activations and gradients."""
    large, small = data["linear-large"], data["linear-as-written"]
    return f"""## Activations and gradients

The claim: each iteration adds its activations and gradients to those before, so that memory rises about linearly at
first. Measured: they do not add up. Activations are freed in the backward pass that needs them, gradients are
overwritten or freed, and the next iteration takes the same place.

{curve("linear")}
{seen(data, "linear-large", "linear-as-written")}
The program as it was written down, a model of 11 parameters, is too small to show anything: over
{small["iterations"]} iterations it moved by {size(end(small) - start(small))}. The larger one makes
{size(3 * 4 * 512 * 512)} of inputs, targets and outputs in every iteration; had they stayed, {large["iterations"]}
iterations would have taken {size(large["iterations"] * 3 * 4 * 512 * 512)} more. They took
{size(end(large) - start(large))}. Small waves are the C library's: it decides which freed blocks go back.

The program printed `torch.cuda.memory_allocated()` in every iteration. On a machine without a GPU that is
`{small["printed"][-1].split(", ")[-1].removeprefix("on CUDA ")}` whatever happens: it counts CUDA tensors alone.
The resident size tells what a CPU job holds.
"""


def optimizer(data: All) -> str:
    """The optimizer's state."""
    adam, plain = data["adam"], data["adam-not"]
    state, weights = holding(adam, "optimizer_state"), holding(adam, "parameters")
    return f"""## Optimizer state

The claim: Adam's statistics cost memory in proportion to the parameters, appear at the start, and do not depend on
the number of iterations. Measured: true. The state is {size(state)}, {state / weights:.1f} times the parameters
({size(weights)}), and all of it is made in the first `step()`. The "slower increase" that is said to follow is not
there.

{curve("adam")}
{seen(data, "adam", "adam-not")}
The first step of Adam added {size(added(adam, "optimizer") or 0)}, the state and temporaries of the update that the
C library kept. At the end the two programs are {size(end(adam) - end(plain))} apart.
"""


def checkpoints(data: All) -> str:
    """Checkpoints."""
    rows = [data[name] for name in PICTURES["checkpoints"][1]]
    file, buffer, history = rows
    weights = holding(history, "parameters")
    return f"""## Checkpoints

The claim: saving jumps up "due to file I/O", substantially, and comes down again. Measured: `torch.save` to a file
writes tensor after tensor from where they lie, and adds next to nothing. A jump is there when the checkpoint is
made in memory first. What is written lies in the page cache, which is the kernel's to take back. Memory that grows
with the number of checkpoints is another thing: copies that the program keeps.

{curve("checkpoints")}
{seen(data, "checkpoint-file", "checkpoint-buffer", "checkpoint-history")}
| way | a checkpoint of | most that one added |
| --- | ---: | ---: |
| to a file | {size(3 * weights)} | {said(added(file, "checkpoint"))} |
| to memory first | {size(3 * weights)} | {said(added(buffer, "checkpoint"))} |
| kept in a list (weights alone) | {size(weights)} | {size(rate(judged(history)))} per iteration, 20 iterations apart |
"""


def said(value: int | None) -> str:
    """A figure, or that no stay was long enough to be read."""
    return "nothing that could be read" if not value else size(value)


def logging(data: All) -> str:
    """Logging."""
    floats, loss, trimmed, graph = (
        data[name] for name in ("metrics-floats", "metrics-loss", "metrics-loss-trimmed", "metrics-graph")
    )
    count = graph["iterations"]
    return f"""## Logging

The claim: logging at high frequency adds a non-linear increase. Measured: numbers are nothing,
{floats["iterations"]} iterations of two losses as floats moved the level by {size(end(floats) - start(floats))}.
What grows is a *loss that is still a tensor with its graph*, and then strictly linearly.

{curve("metrics")}
{curve("graph")}
{seen(data, "metrics-floats", "metrics-loss", "metrics-graph")}
A validation loss that was made without `torch.no_grad()` and is kept holds all activations of its forward pass:
{size(end(graph) - start(graph))} between the first and the last tenth of {count} iterations. A training loss that
went through `backward()` holds a few KiB of graph, yet the level rose by {size(rate(judged(loss)))} per iteration:
the small pieces lie between large freed blocks, which the C library then does not give back. Asked for it after the
loop, in a second run (`malloc_trim(0)`), it
gave back {size(gave_back(trimmed))}, and the process was at {size(after_trimming(trimmed))}: where its first
iterations had been ({size(start(trimmed))}). `loss.item()` avoids both.
"""


def gave_back(data: Mapping[str, Any]) -> int:
    """What the program printed about malloc_trim."""
    line = next(text for text in data["printed"] if "malloc_trim" in text)
    held, after = (int(word) for word in line.split() if word.isdigit())
    return held - after


def after_trimming(data: Mapping[str, Any]) -> int:
    """The resident size that the program printed then."""
    return int(next(text for text in data["printed"] if "malloc_trim" in text).split()[-2])


def batches(data: All) -> str:
    """Batch size and accumulation."""
    large, small, accumulated = (data[name] for name in PICTURES["batches"][1])
    return f"""## Batch size and gradient accumulation

The claim: larger batches take more memory in each iteration, and accumulating gradients takes memory for the
accumulated gradients. Measured: the first is true and sets a level, not growth. The second is not: `backward()`
adds to the gradients that are there anyway, so four passes of 256 hold what one pass of 256 holds
({size(held_peak(accumulated))} against {size(held_peak(small))}), not what 1024 at once hold
({size(held_peak(large))}).

{curve("batches")}
{seen(data, "batch-large", "batch-small", "batch-accumulated")}"""


def loading(data: All) -> str:
    """Data loading."""
    whole, mapped = data["data-memory"], data["data-mapped"]
    objects, array = (data[name] for name in PICTURES["workers"][1])
    return f"""## Data loading

The claim: loading large chunks makes peaks, and memory mapping mitigates. Measured, with a file of 195 MiB: read at
once it is there before the first iteration. A map that stays open rises with every page that is touched, to the
same size, and ends: {size(mapped["made_of_bytes"]["file"])} of it are file pages then, which the kernel can take
back at any time (of the file read at once: {size(whole["made_of_bytes"]["file"])}). In a short recording that rise
looks like a leak. A map that is opened anew for each batch stays level.

{curve("files")}
{seen(data, "data-memory", "data-mapped", "data-mapped-anew")}
Loader workers that are forked share the parent's data set, until they write on its pages. Reading a Python list
writes: it counts references. So the shares of the workers rise over the first epoch, up to a list for each,
although no program asked for memory; the curve is what all processes hold together. With an array there is nothing
to count.

{curve("workers")}
{seen(data, "data-list-workers", "data-array-workers")}
All processes together held {size(held_peak(objects))} at most with the list, {size(held_peak(array))} with the
array.
"""


def swap(found: Mapping[str, Any]) -> str:
    """Swapping, computed."""
    alone, both = found["verdicts"]["resident alone"], found["verdicts"]["resident and swap"]
    return f"""## Swapping

The claim: when memory ends, swapping makes peaks and troughs that mask the pattern. **Not measured**: the machine
of this page has no swap. What follows is arithmetic on the curve of `{CASES[found["source"]].command}`: what lies
above a bound is moved out in pieces of 8 MiB.

![Swapping, computed](does-memory-grow/swapping.svg)

- the resident size alone: {str(alone["growth"]).replace("_", " ")}, {leak(alone["is_leak"])}: {alone["evidence"]}.
- resident and swap together: {str(both["growth"]).replace("_", " ")}, {leak(both["is_leak"])}: {both["evidence"]}.

So the claim holds for who looks at the resident size alone. memfit reads swap beside it and judges the sum.
"""


def leak(value: bool | None) -> str:
    """In words."""
    return {True: "a leak", False: "no leak", None: "not to be told"}[value]


def corrections(data: All) -> str:
    """Where the document that asked is wrong."""
    return """## What is often said, and is not so

- "Activations and gradients accumulate over the iterations." They are freed or overwritten within each.
- "The simplistic example might show a roughly linear increase." It shows a level.
- "Printing `torch.cuda.memory_allocated()` shows the memory used." Not that of a CPU job (it prints 0), and on a GPU
  neither what the allocator keeps (`memory_reserved()`) nor the CUDA context.
- "A step, then a slower increase." The step is there, the increase is not.
- "Saving a checkpoint makes memory jump due to file I/O." Writing to a file does not; a copy made first does.
- "Logging metrics increases memory." Floats by bytes; what grows is a graph that is kept by mistake.
- "Accumulation stores additional gradients." It adds to the same ones.
- "Non-linear" is no explanation. A step, a filling, a saw-tooth and a leak are four things; only the last ends a job.
"""


def again(environment: Mapping[str, Any]) -> str:
    """How it was measured."""
    keys = ("processor", "cpus_usable", "kernel", "libc", "python", "torch")
    where = ", ".join(f"{key} {environment[key]}" for key in keys if environment.get(key) is not None)
    return f"""## Measured where, and how to measure again

{where}; on one thread (`OMP_NUM_THREADS=1`), on a machine that other programs used too.

```
python -m benchmarks.growth_page.record      records and diagnoses every program (minutes) python -m
benchmarks.growth_page.make        writes this page and its curves from the data
```
"""
