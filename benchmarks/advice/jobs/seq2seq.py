"""A translation model: recurrent encoder and decoder with attention between them, NAdam."""

import torch
from torch import nn
from torch.nn import functional as F

BATCH = 64
SOURCE, TARGET, VOCABULARY, WIDTH = 32, 32, 5000, 128


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.source, self.target = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(VOCABULARY, WIDTH)
        self.encoder = nn.GRU(WIDTH, WIDTH // 2, 2, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(WIDTH, WIDTH, 2, batch_first=True)
        self.attention = nn.MultiheadAttention(WIDTH, 4, batch_first=True)
        self.out = nn.Linear(2 * WIDTH, VOCABULARY)

    def forward(self, source, target):
        memory, _ = self.encoder(self.source(source))
        hidden, _ = self.decoder(self.target(target))
        context, _ = self.attention(hidden, memory, memory, need_weights=False)
        return self.out(torch.cat([hidden, context], 2))


torch.manual_seed(0)
model = Translator()
optimizer = torch.optim.NAdam(model.parameters(), lr=5e-4)
for _step in range(8):
    source = torch.randint(0, VOCABULARY, (BATCH, SOURCE))
    target = torch.randint(0, VOCABULARY, (BATCH, TARGET + 1))
    logits = model(source, target[:, :-1])
    optimizer.zero_grad()
    F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten()).backward()
    optimizer.step()
