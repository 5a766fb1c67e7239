"""Masked language modelling with Transformers' own BERT, eager attention, weight decay by groups and a schedule."""

import torch
from transformers import BertConfig, BertForMaskedLM, get_linear_schedule_with_warmup

train_batch_size = 16
max_length = 128

torch.manual_seed(0)
config = BertConfig(
    vocab_size=8000, hidden_size=128, num_hidden_layers=4, num_attention_heads=4, intermediate_size=512,
    attn_implementation="eager",
)  # fmt: skip
model = BertForMaskedLM(config)
decayed = [p for name, p in model.named_parameters() if p.dim() > 1]
others = [p for name, p in model.named_parameters() if p.dim() <= 1]
optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}])
schedule = get_linear_schedule_with_warmup(optimizer, 2, 100)
model.train()
for _step in range(8):
    tokens = torch.randint(0, 8000, (train_batch_size, max_length))
    labels = tokens.masked_fill(torch.rand(tokens.shape) > 0.15, -100)
    loss = model(input_ids=tokens, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    model.zero_grad()
