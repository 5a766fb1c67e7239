"""PyTorch: ordinary code run against a device that is not there.

simulation.py   the context manager that puts everything in place and takes it away again
ledger.py       which storage lives in which pool, since when, and what for
situation.py    what the job is doing: step, phase, module, line
dispatch.py     every operator passes here: sizes from meta kernels, births written to the ledger
operators/      where a device's operators differ from their meta kernels: attention, autocast, recurrent, values
surface/        what code asks of a CUDA device from Python: tensor attributes, torch.cuda, loaders, files
job/            runs a user's script or callable in a fresh process until there is enough to tell
assemble.py     trace → estimate document
"""
