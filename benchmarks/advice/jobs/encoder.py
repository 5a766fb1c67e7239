"""A transformer encoder that classifies, with an evaluation that keeps a graph nobody uses."""

import torch
from torch import nn

batch = 24
torch.manual_seed(0)
layer = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True)
encoder = nn.TransformerEncoder(layer, 5, enable_nested_tensor=False)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(8000, 256)
        self.encoder = encoder
        self.head = nn.Linear(256, 4)

    def forward(self, tokens):
        return self.head(self.encoder(self.embedding(tokens)).mean(1))


model = Classifier()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
for step in range(8):
    model.train()
    tokens, labels = torch.randint(0, 8000, (batch, 160)), torch.randint(0, 4, (batch,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(tokens), labels).backward()
    optimizer.step()
    if step % 2 == 1:
        model.eval()
        accuracy = (model(torch.randint(0, 8000, (3 * batch, 160))).argmax(1) == 0).float().mean().item()
