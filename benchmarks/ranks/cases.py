"""Which jobs are run with how many ranks, and which half they belong to. Fixed before anything was predicted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    ranks: int
    half: str


CASES = (
    Case("ddp_mlp", 2, "tuning"),
    Case("ddp_bucket_view", 2, "judging"),
    Case("ddp_unused", 2, "judging"),
    Case("ddp_convolutions", 3, "judging"),
    Case("ddp_accumulation", 2, "tuning"),
    Case("zero_redundancy", 3, "judging"),
    Case("fsdp_mlp", 2, "tuning"),
    Case("fsdp_keep", 4, "judging"),
    Case("fsdp_mixed", 2, "tuning"),
    Case("fsdp_uneven", 3, "judging"),
    Case("hybrid_shard", 4, "tuning"),
    Case("tensor_parallel", 2, "tuning"),
    Case("tensor_and_data", 4, "judging"),
    Case("plain_reduce", 2, "tuning"),
    Case("named_serve", 2, "judging"),
    Case("named_generate", 2, "judging"),
    Case("named_tensor_parallel", 2, "judging"),
    Case("named_mesh", 4, "judging"),
    Case("named_experts", 2, "judging"),
    Case("named_stages", 4, "judging"),
    Case("named_lora_sharded", 2, "judging"),
    Case("named_lora_mesh", 4, "judging"),
)
